"""The container runtime "crio". Source of the releases: pull requests 4408 and 6347 of cri-o/cri-o."""

from __future__ import annotations

from clusters.config.runtimes import ContainerRuntime

RUNTIME = ContainerRuntime("crio", 3, cri_v1=(1, 21, 0), without_v1alpha2=(1, 26, 0), kata=True)
