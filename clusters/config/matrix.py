"""Which component versions are compatible with which Kubernetes. Minor versions of Kubernetes 1 are plain numbers."""

from __future__ import annotations

import re

from clusters.config.runtimes import Version, runtime_called

KUBESPHERE: dict[str, tuple[int, int]] = {
    "v2.1.1": (15, 18),
    "v3.0.0": (15, 18),
    "v3.1.0": (15, 20),
    "v3.1.1": (15, 20),
    "v3.2.0": (19, 22),
    "v3.2.1": (19, 22),
    "v3.3.0": (19, 23),
    "v3.3.1": (19, 24),
    "v3.3.2": (19, 24),
    "v3.4.0": (19, 26),
    "v3.4.1": (21, 26),
}
"""Version -> oldest and newest Kubernetes minor. Source: KubeKey 3's table of KubeSphere versions."""

PLUGINS_SINCE = 23
"""The oldest minor that the plugins' series (`NetworkPlugin.series`) cover: the oldest that KubeKey 4 installs."""

CRI_V1_SINCE, CRI_V1_ONLY = 23, 26
"""The minors in which the kubelet added CRI v1 and removed v1alpha2. Source: Kubernetes' changelogs
of 1.23 and 1.26. Checked in the binaries (by the service names they contain): kubelet 1.20.2 has only
`runtime.v1alpha2.RuntimeService`; kubelet 1.36.3 and 1.37.2 and containerd 2.4.2 have only
`runtime.v1.RuntimeService`."""

DUAL_STACK_SINCE = 21
"""The minor in which IPv4/IPv6 dual stack is on by default. Source: Kubernetes' changelog of 1.21."""

NFTABLES_SINCE, NFTABLES_BETA, NFTABLES_STABLE = 29, 31, 33
"""The minors in which kube-proxy's nftables mode was added, enabled by default, and stable. Source: KEP-3866."""

IPVS_DEPRECATED, IPVS_OFF, IPVS_REMOVED = 35, 40, 43
"""The minors in which kube-proxy's ipvs mode is deprecated, disabled by default, and removed. Source:
KEP-5495, and the warning of kube-proxy 1.37.2: "will be disabled by default in Kubernetes 1.40 and removed in
Kubernetes 1.43"."""

WEBSOCKETS_TO_KUBELET = 36
"""The minor in which ExtendWebSocketsToKubelet is on by default. Source: KEP-4006; on cri-dockerd's lack of support:
Mirantis/cri-dockerd's issues 560 and 569, and kubespray's pull request 13361, which disables it."""

USERSPACE_REMOVED = 26
"""The minor that removed kube-proxy's userspace mode. Source: Kubernetes' pull request 112133 and release notes of
1.26; kube-proxy 1.37.2 and 1.36.3 reject it, 1.20 accepts it (its validation.go)."""


def runtime_refused(runtime: str, found: Version, minor: int) -> str:
    """The runtime releases that the kubelet of a minor supports, if this release is not one of them; else empty."""
    known = runtime_called(runtime)
    if known is None or known.cri_v1 is None or known.without_v1alpha2 is None:
        return ""
    if minor >= CRI_V1_ONLY and found < known.cri_v1:
        return f"{dotted(known.cri_v1)} and newer"
    old = minor < CRI_V1_SINCE and found >= known.without_v1alpha2
    return f"older than {dotted(known.without_v1alpha2)}" if old else ""


def runtime_untested(runtime: str, found: Version, minor: int) -> str:
    """The runtime releases that the project recommends for a minor, if this one is older but works; else empty."""
    known = runtime_called(runtime)
    if known is None or known.tested is None:
        return ""
    return f"{dotted(known.tested)} and newer" if minor >= known.tested_since and found < known.tested else ""


def oldest_etcd(minor: int, patch: int) -> Version:
    """The oldest etcd that kubeadm of this release accepts. Source: KubeKey 4's cluster_require defaults."""
    if minor <= 27:
        return (3, 2, 18)
    if minor <= 30:
        return (3, 4, 13)
    late = {31: patch >= 14, 32: patch >= 10, 33: patch >= 6, 34: patch >= 2}
    if minor == 34:
        return (3, 5, 24) if late[34] else (3, 5, 21)
    return (3, 5, 24) if late.get(minor, True) else (3, 5, 11)


def dotted(version: Version) -> str:
    """`1.6.0`."""
    return ".".join(str(part) for part in version)


def numbers(text: str) -> Version | None:
    """The numbers at the start of a release name (`v2.4`, `v2.4.2-rc.1`); None when there are fewer than two."""
    match = re.match(r"v?([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?", text.strip())
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def parsed(text: str) -> Version | None:
    """`v3.27.4`, `3.27` or `3.5.24-0` as numbers; None when it is not a version."""
    match = re.fullmatch(r"v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:-\d+)?", text.strip())
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None
