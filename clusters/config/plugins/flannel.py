"""The network plugin "flannel": its options, its release and the rule on them.

`Documentation/kube-flannel.yml` speaks of "Kubernetes v1.17+"; 0.27.4 is what KubeKey 4 installs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error, warning
from clusters.config.keys import Model, Text, key
from clusters.config.plugins import KUBEKEY_1, KUBEKEY_3, KUBEKEY_4, NetworkPlugin, Release
from clusters.config.syntax import did_you_mean
from clusters.config.yaml.tree import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.network.flannel"

BACKENDS = ("vxlan", "host-gw", "wireguard", "ipip")
"""Backends that need nothing but a node and its kernel. Source: Flannel's Documentation/backends.md."""


class Flannel(Model):
    """Flannel's options."""

    backend_mode: Text = key("vxlan", "How packets travel.", choices=BACKENDS)
    direct_routing: bool = key(False, "No tunnel between nodes of one network.", since="1.2")


def flannel(document: Document) -> Iterator[Finding]:
    """Flannel's backend is one it has, and direct routing one of VXLAN's."""
    section = document.network.flannel
    if section.backend_mode not in BACKENDS:
        path, message = f"{_PATH}.backendMode", f"Flannel has no backend {shown(section.backend_mode)}."
        hint, allowed = did_you_mean(section.backend_mode, BACKENDS), ", ".join(BACKENDS)
        yield error("flannel.backend", path, message, hint=hint, found=shown(section.backend_mode), allowed=allowed)
    elif section.direct_routing and section.backend_mode not in ("vxlan", "ipip"):
        message = f"The backend {section.backend_mode} has no tunnel that directRouting could leave out."
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
