"""Rules on kube-proxy's mode, wherever it is set: it exists in this Kubernetes, is stable and not deprecated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config import kubernetes_versions, matrix
from clusters.config.component_settings.feature_gates import gates_in
from clusters.config.component_settings.proxy_mode import ModeInDocument, mode_in
from clusters.config.finding import error, warning
from clusters.config.rules.compatibility import kubernetes_of
from clusters.config.rules.registry import rule
from clusters.config.sections.kubernetes import PROXY_MODES
from clusters.config.syntax import did_you_mean
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document


@rule
def proxy_mode(document: Document) -> Iterator[Finding]:
    """kube-proxy of this Kubernetes has the mode, stable and not deprecated."""
    version, chosen = kubernetes_of(document), mode_in(document)
    if chosen is None or document.kubernetes.disable_kube_proxy:
        return
    if chosen.mode not in PROXY_MODES:
        yield from _unknown(chosen, version)
    elif version is None:
        return
    elif chosen.mode == "nftables" and version.minor < matrix.NFTABLES_STABLE:
        yield _early_nftables(document, version, chosen.path)
    elif chosen.mode == "ipvs" and version.minor >= matrix.IPVS_DEPRECATED:
        yield _old_ipvs(chosen.path)


def _unknown(chosen: ModeInDocument, version: kubernetes_versions.Version | None) -> Iterator[Finding]:
    """A mode that no kube-proxy has, or that this version no longer has."""
    mode = excerpt(chosen.mode)
    message = f"kube-proxy has no mode {mode} and does not start with it."
    if chosen.mode == "userspace":
        if version is None or version.minor < matrix.USERSPACE_REMOVED:
            return
        message = f"v1.{matrix.USERSPACE_REMOVED} removed kube-proxy's mode userspace; {version} cannot start with it."
    allowed = ", ".join(PROXY_MODES)
    hint = did_you_mean(chosen.mode, PROXY_MODES)
    yield error("kubernetes.proxy_mode_unknown", chosen.path, message, hint=hint, found=mode, allowed=allowed)


def _old_ipvs(path: str) -> Finding:
    """The warning about ipvs in a Kubernetes that deprecates it."""
    message = (
        f"kube-proxy's mode ipvs is deprecated since v1.{matrix.IPVS_DEPRECATED}. Kubernetes plans to switch it off by "
        f"default in v1.{matrix.IPVS_OFF} and to remove it in v1.{matrix.IPVS_REMOVED}."
    )
    hint = "Use nftables, or iptables if a kernel is older than 5.13."
    return warning("compat.ipvs_deprecated", path, message, hint=hint, found="ipvs")


def _early_nftables(document: Document, version: kubernetes_versions.Version, path: str) -> Finding:
    """The finding about nftables in a Kubernetes in which it is not stable."""
    since, stable = f"v1.{matrix.NFTABLES_BETA}", f"v1.{matrix.NFTABLES_STABLE}"
    hint = f"Use iptables, or Kubernetes {stable} or newer."
    has_gate = version.minor >= matrix.NFTABLES_SINCE and _proxy_gate(document, "NFTablesProxyMode")
    if version.minor >= matrix.NFTABLES_BETA or has_gate:
        stage = "beta" if version.minor >= matrix.NFTABLES_BETA else "alpha"
        message = f"kube-proxy's mode nftables is {stage} in {version}; it is stable from {stable} on."
        return warning("compat.nftables_early", path, message, hint=hint, found="nftables")
    message = f"kube-proxy has the mode nftables from {since} on; that of {version} does not start with it."
    if version.minor >= matrix.NFTABLES_SINCE:
        hint += " In this version it is alpha and requires the feature gate NFTablesProxyMode."
    return error("compat.nftables", path, message, hint=hint, found="nftables", allowed="iptables, ipvs")


def _proxy_gate(document: Document, gate: str) -> bool:
    """Whether the document enables a feature gate for kube-proxy."""
    section = document.kubernetes
    arguments = dict(each for line in section.kube_proxy_args for each in gates_in(line))
    places = (arguments, section.kube_proxy_configuration.get("featureGates"), section.feature_gates)
    return any(isinstance(gates, dict) and gates.get(gate) is True for gates in places)
