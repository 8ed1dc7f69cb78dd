"""The container runtime "docker", which the kubelet up to 1.23 drives by itself, a newer one through cri-dockerd."""

from __future__ import annotations

from clusters.config.runtimes import ContainerRuntime

RUNTIME = ContainerRuntime("docker", 2)
