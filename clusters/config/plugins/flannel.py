"""The network plugin "flannel": its options, its release and the rule on them.

`Documentation/kube-flannel.yml` mentions "Kubernetes v1.17+"; KubeKey 4 installs 0.27.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error, warning
from clusters.config.keys import Model, Text, key
from clusters.config.plugins import KUBEKEY_1, KUBEKEY_3, KUBEKEY_4, NetworkPlugin, Release
from clusters.config.syntax import did_you_mean
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.network.flannel"

BACKENDS = ("vxlan", "host-gw", "wireguard", "ipip")
"""Backends that need only a node and its kernel. Source: Flannel's Documentation/backends.md."""


class Flannel(Model):
    """Flannel's options."""

    backend_mode: Text = key("vxlan", "The backend for packets between nodes.", choices=BACKENDS)
    direct_routing: bool = key(False, "No tunnel between nodes of one network.", since="1.2")


def flannel(document: Document) -> Iterator[Finding]:
    """Flannel's backend exists, and supports direct routing if that is enabled."""
    section = document.network.flannel
    if section.backend_mode not in BACKENDS:
        path, message = f"{_PATH}.backendMode", f"{excerpt(section.backend_mode)} is not a backend of Flannel."
        hint, allowed = did_you_mean(section.backend_mode, BACKENDS), ", ".join(BACKENDS)
        yield error("flannel.backend", path, message, hint=hint, found=excerpt(section.backend_mode), allowed=allowed)
    elif section.direct_routing and section.backend_mode not in ("vxlan", "ipip"):
        message = f"directRouting has no effect: the backend {section.backend_mode} has no tunnel."
        path = f"{_PATH}.directRouting"
        yield warning("flannel.direct_routing", path, message, found=section.backend_mode, allowed="vxlan, ipip")


PLUGIN = NetworkPlugin(
    "flannel",
    "Flannel",
    20,
    section=Flannel,
    releases=(Release("v0.27.4", 20, 37),),
    dialects=(KUBEKEY_1, KUBEKEY_3, KUBEKEY_4),
    modules=("vxlan", "ipip", "wireguard"),
    rules=(flannel,),
)
