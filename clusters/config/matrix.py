"""Which versions of other parts fit which Kubernetes. Minor versions of Kubernetes 1 are plain numbers."""

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
"""Version -> oldest and newest minor of Kubernetes. Source: KubeKey 3's table of KubeSphere versions."""

PLUGINS_SINCE = 23
"""The oldest minor that the series of plugins (`NetworkPlugin.series`) speak of: the oldest that KubeKey 4 installs."""

CRI_V1_SINCE, CRI_V1_ONLY = 23, 26
"""The minors in which the kubelet began to speak CRI v1, and ceased to speak v1alpha2. Source: Kubernetes' changelogs
of 1.23 and 1.26. Asked of the binaries (which names of services they hold): kubelet 1.20.2 has only
`runtime.v1alpha2.RuntimeService`; kubelet 1.36.3 and 1.37.2 and containerd 2.4.2 have only
`runtime.v1.RuntimeService`."""

DUAL_STACK_SINCE = 21
"""The minor in which IPv4/IPv6 dual stack is on by default. Source: Kubernetes' changelog of 1.21."""

NFTABLES_SINCE, NFTABLES_BETA, NFTABLES_STABLE = 29, 31, 33
"""The minors in which kube-proxy's mode nftables came, is on by default, and is finished. Source: KEP-3866."""

IPVS_DEPRECATED, IPVS_OFF, IPVS_REMOVED = 35, 40, 43
"""The minors from which on kube-proxy warns of its mode ipvs, has it off by default, and has it no more. Source:
KEP-5495, and the warning of kube-proxy 1.37.2: "will be disabled by default in Kubernetes 1.40 and removed in
Kubernetes 1.43"."""

WEBSOCKETS_TO_KUBELET = 36
"""The minor in which ExtendWebSocketsToKubelet is on by default. Source: KEP-4006; that cri-dockerd cannot answer then:
Mirantis/cri-dockerd's issues 560 and 569, and kubespray's pull request 13361, which switches it off."""

USERSPACE_REMOVED = 26
"""The minor in which kube-proxy lost its mode userspace. Source: Kubernetes' pull request 112133 and its notes of 1.26;
kube-proxy 1.37.2 and 1.36.3 refuse it, that of 1.20 takes it (its validation.go)."""


def runtime_refused(runtime: str, found: Version, minor: int) -> str:
    """Which releases of a container runtime the kubelet of a minor can talk to, where this one is not among them."""
    known = runtime_called(runtime)
    if known is None or known.cri_v1 is None or known.without_v1alpha2 is None:
        return ""
    if minor >= CRI_V1_ONLY and found < known.cri_v1:
        return f"{dotted(known.cri_v1)} and newer"
    old = minor < CRI_V1_SINCE and found >= known.without_v1alpha2
    return f"older than {dotted(known.without_v1alpha2)}" if old else ""


def runtime_untested(runtime: str, found: Version, minor: int) -> str:
    """Which releases of a runtime its project names for a minor, where this one is older but can be talked to."""
    known = runtime_called(runtime)
    if known is None or known.tested is None:
        return ""
    return f"{dotted(known.tested)} and newer" if minor >= known.tested_since and found < known.tested else ""


def oldest_etcd(minor: int, patch: int) -> Version:
    """The oldest etcd that kubeadm of this release takes. Source: KubeKey 4's cluster_require defaults."""
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
    """The numbers that a release's name begins with (`v2.4`, `v2.4.2-rc.1`); None when these are not even two."""
    match = re.match(r"v?([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?", text.strip())
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def parsed(text: str) -> Version | None:
    """`v3.27.4`, `3.27` or `3.5.24-0` as numbers; None when it is no version."""
    match = re.fullmatch(r"v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:-\d+)?", text.strip())
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None
