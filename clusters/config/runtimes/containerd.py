"""The container runtime "containerd".

Source of the releases: containerd's RELEASES.md; of `tested`, also KEP-4033: older releases still run there, and the
kubelet warns that they do not answer RuntimeConfig.
"""

from __future__ import annotations

from clusters.config.runtimes import ContainerRuntime

RUNTIME = ContainerRuntime(
    "containerd",
    1,
    cri_v1=(1, 6, 0),
    without_v1alpha2=(2, 0, 0),
    tested=(2, 2, 0),
    tested_since=36,
    kata=True,
    nvidia=True,
)
