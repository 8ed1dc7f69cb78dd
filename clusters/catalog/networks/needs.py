"""Requirements of the document's network plugin on a machine and between machines; ports that several plugins use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.plugins import plugin_of

if TYPE_CHECKING:
    from clusters.catalog.plugins import Between, Needs
    from clusters.config.schema import Document

TUNNEL_PORTS = {"vxlan": 4789, "geneve": 6081}
"""IANA's ports; Flannel, Cilium and Hybridnet use Linux's older 8472 for VXLAN."""

LINUX_VXLAN = 8472

TYPHA = (5473, 9098)
"""The ports of Typha, which runs on some of the nodes: for the nodes, and on the loopback for its health check."""


def needs_of(document: Document, machine: str) -> Needs:
    """What the document's plugin needs of the machine of that name."""
    return plugin_of(document).needs(document, machine)


def ports_between(document: Document) -> Between:
    """Of the ports in `needs_of`, those that are for other machines; the rest are for the node itself."""
    return plugin_of(document).between(document)


def sends_directly(document: Document) -> bool:
    """Whether packets to pods leave a node without a tunnel, so that nodes must be neighbours."""
    return plugin_of(document).sends_directly(document)
