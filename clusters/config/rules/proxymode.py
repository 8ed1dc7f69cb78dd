"""Rules on kube-proxy's mode, wherever the document says it: it exists in this Kubernetes, finished, and stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config import matrix, versions
from clusters.config.components.feature_gates import gates_in
from clusters.config.components.proxy_mode import ModeInDocument, mode_in
from clusters.config.finding import error, warning
from clusters.config.rules.compatibility import kubernetes_of
from clusters.config.rules.registry import rule
from clusters.config.sections.kubernetes import PROXY_MODES
from clusters.config.syntax import did_you_mean
from clusters.config.yaml.tree import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document


@rule
def proxy_mode(document: Document) -> Iterator[Finding]:
    """kube-proxy has its mode in this Kubernetes, finished and not on its way out."""
    version, said = kubernetes_of(document), mode_in(document)
    if said is None or document.kubernetes.disable_kube_proxy:
        return
    if said.mode not in PROXY_MODES:
        yield from _unknown(said, version)
    elif version is None:
        return
    elif said.mode == "nftables" and version.minor < matrix.NFTABLES_STABLE:
        yield _early_nftables(document, version, said.path)
    elif said.mode == "ipvs" and version.minor >= matrix.IPVS_DEPRECATED:
        yield _old_ipvs(said.path)


def _unknown(said: ModeInDocument, version: versions.Version | None) -> Iterator[Finding]:
    """A mode that no kube-proxy has, or that this one has no more."""
    mode = shown(said.mode)
    message = f"kube-proxy has no mode {mode}; it does not start with it."
    if said.mode == "userspace":
        if version is None or version.minor < matrix.USERSPACE_REMOVED:
            return
        message = (
            f"kube-proxy lost its mode userspace in v1.{matrix.USERSPACE_REMOVED}; {version} does not start with it."
        )
    allowed = ", ".join(PROXY_MODES)
    hint = did_you_mean(said.mode, PROXY_MODES)
    yield error("kubernetes.proxy_mode_unknown", said.path, message, hint=hint, found=mode, allowed=allowed)


def _old_ipvs(path: str) -> Finding:
    """What is said of ipvs in a Kubernetes that warns of it."""
    message = (
        f"kube-proxy's mode ipvs is deprecated since v1.{matrix.IPVS_DEPRECATED}. Kubernetes plans to switch it off by "
        f"default in v1.{matrix.IPVS_OFF} and to remove it in v1.{matrix.IPVS_REMOVED}."
    )
    hint = "Take nftables, or iptables where a kernel is older than 5.13."
    return warning("compat.ipvs_deprecated", path, message, hint=hint, found="ipvs")


def _early_nftables(document: Document, version: versions.Version, path: str) -> Finding:
    """What is said of kube-proxy's nftables in a Kubernetes in which it is not finished."""
    since, stable = f"v1.{matrix.NFTABLES_BETA}", f"v1.{matrix.NFTABLES_STABLE}"
    hint = f"Take iptables, or Kubernetes {stable} or newer."
    has_gate = version.minor >= matrix.NFTABLES_SINCE and _proxy_gate(document, "NFTablesProxyMode")
    if version.minor >= matrix.NFTABLES_BETA or has_gate:
        stage = "beta" if version.minor >= matrix.NFTABLES_BETA else "alpha"
        message = f"kube-proxy's mode nftables is {stage} in {version}; it is finished in {stable}."
        return warning("compat.nftables_early", path, message, hint=hint, found="nftables")
    message = f"kube-proxy has the mode nftables from {since} on; that of {version} does not start with it."
    if version.minor >= matrix.NFTABLES_SINCE:
        hint += " Here it is alpha, and wants the feature gate NFTablesProxyMode."
    return error("compat.nftables", path, message, hint=hint, found="nftables", allowed="iptables, ipvs")


def _proxy_gate(document: Document, gate: str) -> bool:
    """Whether the document enables a feature gate for kube-proxy."""
    section = document.kubernetes
    arguments = dict(each for line in section.kube_proxy_args for each in gates_in(line))
    places = (arguments, section.kube_proxy_configuration.get("featureGates"), section.feature_gates)
    return any(isinstance(gates, dict) and gates.get(gate) is True for gates in places)
