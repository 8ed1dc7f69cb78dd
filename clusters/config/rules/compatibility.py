"""Rules on versions that have to fit together: Kubernetes, etcd, runtime, network plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config import matrix, versions
from clusters.config.components.feature_gates import gates_in
from clusters.config.finding import error, info, warning
from clusters.config.plugins import series_of
from clusters.config.rules.registry import rule
from clusters.config.syntax import parts_of
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document


def kubernetes_of(document: Document) -> versions.Version | None:
    """The version of Kubernetes, if it is one."""
    try:
        return versions.parse_version(document.kubernetes.version)
    except ConfigError:
        return None


def series(minors: tuple[int, int]) -> str:
    """`v1.23 to v1.28`."""
    return f"v1.{minors[0]} to v1.{minors[1]}"


def _of_v4(document: Document, *names: str) -> str:
    """A version that only a KubeKey 4 Config says."""
    value: Any = document.config_v4
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


@rule(waivable=True)
def plugin(document: Document) -> Iterator[Finding]:
    """The network plugin's version is tested with this Kubernetes, where it is named (KubeKey 4)."""
    version, name = kubernetes_of(document), document.network.plugin
    text = _of_v4(document, "cni", f"{name}_version")
    found = matrix.parsed(text)
    minors = series_of(name, found) if found else None
    if version is None or minors is None or minors[0] <= version.minor <= minors[1]:
        return
    yield error(
        "compat.plugin",
        f"config.cni.{name}_version",
        f"{name} {text} goes with Kubernetes {series(minors)}, not with {version}.",
        found=text,
        allowed=f"a version for v1.{version.minor}",
    )


@rule(waivable=True)
def etcd(document: Document) -> Iterator[Finding]:
    """etcd is new enough for this Kubernetes, where its version is named (KubeKey 4)."""
    version, text = kubernetes_of(document), _of_v4(document, "etcd", "etcd_version")
    found = matrix.parsed(text)
    if version is None or found is None:
        return
    oldest = matrix.oldest_etcd(version.minor, version.patch)
    if found < oldest:
        wanted = matrix.dotted(oldest)
        message = f"Kubernetes {version} wants etcd {wanted} or newer, found {text}."
        yield error("compat.etcd", "config.etcd.etcd_version", message, found=text, allowed=f"{wanted} and newer")


@rule
def containerd(document: Document) -> Iterator[Finding]:
    """containerd speaks the kubelet's language, where its version is named (KubeKey 4)."""
    version, text = kubernetes_of(document), _of_v4(document, "cri", "containerd_version")
    found, path = matrix.parsed(text), "config.cri.containerd_version"
    if version is None or found is None:
        return
    if allowed := matrix.runtime_refused("containerd", found, version.minor):
        message = f"The kubelet of {version} cannot talk to containerd {text}: it wants {allowed}."
        yield error("compat.containerd", path, message, found=text, allowed=allowed)
    elif allowed := matrix.runtime_untested("containerd", found, version.minor):
        message = f"containerd's project names {allowed} for Kubernetes {version}, found {text}."
        yield warning("compat.containerd_untested", path, message, found=text, allowed=allowed)


@rule
def docker(document: Document) -> Iterator[Finding]:
    """From 1.24 on the kubelet drives docker through cri-dockerd only."""
    version = kubernetes_of(document)
    if version is None or versions.has_dockershim(version):
        return
    section = document.kubernetes
    if "dockershim" in section.container_runtime_endpoint:
        path = "spec.kubernetes.containerRuntimeEndpoint"
        message = f"Kubernetes {version} has no dockershim any more; it ended with v1.23."
        hint = "Leave the key out, or take unix:///var/run/cri-dockerd.sock."
        found = section.container_runtime_endpoint
        yield error("compat.dockershim", path, message, hint=hint, found=found, allowed="cri-dockerd's socket")
    elif section.container_manager == "docker":
        message = f"Kubernetes {version} reaches docker through cri-dockerd, one more service on every machine."
        path = "spec.kubernetes.containerManager"
        yield info("compat.cri_dockerd", path, message, hint="containerd needs none.", found="docker")
        if version.minor >= matrix.WEBSOCKETS_TO_KUBELET and not _is_off(document, "ExtendWebSocketsToKubelet"):
            yield _no_exec(version, path)


def _no_exec(version: versions.Version, path: str) -> Finding:
    """A warning, since nobody knows here which cri-dockerd a later version of it is that works."""
    message = (
        f"kubectl exec and port-forward may fail through cri-dockerd: Kubernetes {version} has the kubelet take over "
        "websockets (ExtendWebSocketsToKubelet), which cri-dockerd does not know before it is mended."
    )
    hint = "Set featureGates: {ExtendWebSocketsToKubelet: false}, or take containerd."
    return warning("compat.cri_dockerd_exec", path, message, hint=hint, found="docker")


def _is_off(document: Document, gate: str) -> bool:
    """Whether the document switches a feature gate off for the API server, whose own arguments win."""
    section = document.kubernetes
    own = dict(each for line in section.apiserver_args for each in gates_in(line))
    return (own if gate in own else section.feature_gates).get(gate) is False


@rule
def dual_stack(document: Document) -> Iterator[Finding]:
    """Dual stack wants a Kubernetes that has it switched on."""
    version, text = kubernetes_of(document), document.network.kube_pods_cidr
    told = document.kubernetes.feature_gates.get("IPv6DualStack", False)
    if version is not None and version.minor < matrix.DUAL_STACK_SINCE and len(parts_of(text)) > 1 and not told:
        wanted = f"v1.{matrix.DUAL_STACK_SINCE}"
        message = f"Dual stack wants Kubernetes {wanted} or newer, found {version}."
        path = "spec.kubernetes.version"
        hint = "Take a newer one, or switch the feature gate IPv6DualStack on; it is an alpha feature in this version."
        yield error("compat.dual_stack", path, message, hint=hint, found=str(version), allowed=f"{wanted} and newer")
