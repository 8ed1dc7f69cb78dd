"""Rules on compatible versions: Kubernetes, etcd, runtime, network plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config import kubernetes_versions, matrix
from clusters.config.component_settings.feature_gates import gates_in
from clusters.config.finding import error, info, warning
from clusters.config.plugins import series_of
from clusters.config.rules.registry import rule
from clusters.config.syntax import parts_of
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document


def kubernetes_of(document: Document) -> kubernetes_versions.Version | None:
    """The Kubernetes version, if it is valid."""
    try:
        return kubernetes_versions.parse_version(document.kubernetes.version)
    except ConfigError:
        return None


def series(minors: tuple[int, int]) -> str:
    """`v1.23 to v1.28`."""
    return f"v1.{minors[0]} to v1.{minors[1]}"


def _of_v4(document: Document, *names: str) -> str:
    """A version that only a KubeKey 4 Config contains."""
    value: Any = document.config_v4
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


@rule(waivable=True)
def plugin(document: Document) -> Iterator[Finding]:
    """The network plugin's version, if set (KubeKey 4), is tested with this Kubernetes."""
    version, name = kubernetes_of(document), document.network.plugin
    text = _of_v4(document, "cni", f"{name}_version")
    found = matrix.parsed(text)
    minors = series_of(name, found) if found else None
    if version is None or minors is None or minors[0] <= version.minor <= minors[1]:
        return
    yield error(
        "compat.plugin",
        f"config.cni.{name}_version",
        f"{name} {text} is for Kubernetes {series(minors)}, not for {version}.",
        found=text,
        allowed=f"a version for v1.{version.minor}",
    )


@rule(waivable=True)
def etcd(document: Document) -> Iterator[Finding]:
    """etcd, if its version is set (KubeKey 4), is new enough for this Kubernetes."""
    version, text = kubernetes_of(document), _of_v4(document, "etcd", "etcd_version")
    found = matrix.parsed(text)
    if version is None or found is None:
        return
    oldest = matrix.oldest_etcd(version.minor, version.patch)
    if found < oldest:
        wanted = matrix.dotted(oldest)
        message = f"Kubernetes {version} requires etcd {wanted} or newer, found {text}."
        yield error("compat.etcd", "config.etcd.etcd_version", message, found=text, allowed=f"{wanted} and newer")


@rule
def containerd(document: Document) -> Iterator[Finding]:
    """containerd, if its version is set (KubeKey 4), supports the kubelet's CRI version."""
    version, text = kubernetes_of(document), _of_v4(document, "cri", "containerd_version")
    found, path = matrix.parsed(text), "config.cri.containerd_version"
    if version is None or found is None:
        return
    if allowed := matrix.runtime_refused("containerd", found, version.minor):
        message = f"The kubelet of {version} does not work with containerd {text}; it requires {allowed}."
        yield error("compat.containerd", path, message, found=text, allowed=allowed)
    elif allowed := matrix.runtime_untested("containerd", found, version.minor):
        message = f"The containerd project recommends {allowed} for Kubernetes {version}, found {text}."
        yield warning("compat.containerd_untested", path, message, found=text, allowed=allowed)


@rule
def docker(document: Document) -> Iterator[Finding]:
    """From 1.24 on, the kubelet uses docker only through cri-dockerd."""
    version = kubernetes_of(document)
    if version is None or kubernetes_versions.has_dockershim(version):
        return
    section = document.kubernetes
    if "dockershim" in section.container_runtime_endpoint:
        path = "spec.kubernetes.containerRuntimeEndpoint"
        message = f"Kubernetes {version} no longer has dockershim; v1.23 was the last version with it."
        hint = "Remove the key, or use unix:///var/run/cri-dockerd.sock."
        found = section.container_runtime_endpoint
        yield error("compat.dockershim", path, message, hint=hint, found=found, allowed="cri-dockerd's socket")
    elif section.container_manager == "docker":
        message = f"Kubernetes {version} uses docker through cri-dockerd, an additional service on every machine."
        path = "spec.kubernetes.containerManager"
        yield info("compat.cri_dockerd", path, message, hint="containerd needs none.", found="docker")
        if version.minor >= matrix.WEBSOCKETS_TO_KUBELET and not _is_off(document, "ExtendWebSocketsToKubelet"):
            yield _no_exec(version, path)


def _no_exec(version: kubernetes_versions.Version, path: str) -> Finding:
    """A warning, because it is unknown here which later version of cri-dockerd works."""
    message = (
        f"kubectl exec and port-forward may fail through cri-dockerd: in Kubernetes {version} the kubelet handles "
        "websockets (ExtendWebSocketsToKubelet), which cri-dockerd does not support until it is fixed."
    )
    hint = "Set featureGates: {ExtendWebSocketsToKubelet: false}, or use containerd."
    return warning("compat.cri_dockerd_exec", path, message, hint=hint, found="docker")


def _is_off(document: Document, gate: str) -> bool:
    """Whether the document disables a feature gate for the API server; its own arguments take precedence."""
    section = document.kubernetes
    own = dict(each for line in section.apiserver_args for each in gates_in(line))
    return (own if gate in own else section.feature_gates).get(gate) is False


@rule
def dual_stack(document: Document) -> Iterator[Finding]:
    """Dual stack requires a Kubernetes that has it enabled."""
    version, text = kubernetes_of(document), document.network.kube_pods_cidr
    enabled = document.kubernetes.feature_gates.get("IPv6DualStack", False)
    if version is not None and version.minor < matrix.DUAL_STACK_SINCE and len(parts_of(text)) > 1 and not enabled:
        wanted = f"v1.{matrix.DUAL_STACK_SINCE}"
        message = f"Dual stack requires Kubernetes {wanted} or newer, found {version}."
        path = "spec.kubernetes.version"
        hint = "Use a newer version, or enable the feature gate IPv6DualStack, which is alpha in this version."
        yield error("compat.dual_stack", path, message, hint=hint, found=str(version), allowed=f"{wanted} and newer")
