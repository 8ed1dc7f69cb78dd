"""The container runtime "isula" (iSulad), which KubeKey knows and Slipway does not install."""

from __future__ import annotations

from clusters.config.runtimes import ContainerRuntime

RUNTIME = ContainerRuntime("isula", 4, built=False)
