"""Ports, modules and neighbours that Calico needs. Ports are those that its pods open in a node's own network.

Sources: Calico's manifests; for what these do not name, the defaults of Felix and Typha (`HealthPort`) at the pinned
tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.networks.needs import TUNNEL_PORTS, TYPHA
from clusters.catalog.plugins import Between, Needs
from clusters.config.topology import members

if TYPE_CHECKING:
    from clusters.config.schema import Document

BGP = 179
TYPHA_ABOVE = 50
"""Number of nodes above which Typha is always on. Source: KubeKey 3, and Calico's own advice."""


def typha_is_on(document: Document) -> bool:
    """Whether nodes connect to Typha instead of the API server."""
    calico = document.network.calico
    return calico.typha.enabled or calico.enable_typha or len(members(document, "kubernetes")) > TYPHA_ABOVE


def needs(document: Document, machine: str) -> Needs:
    """What the plugin needs of the machine of that name."""
    ipip, vxlan = document.network.calico.ipip_mode != "Never", document.network.calico.vxlan_mode != "Never"
    return Needs(
        # BGP runs unless all tunnels are VXLAN. Felix serves its health check on the loopback address.
        tcp=(*(() if vxlan and not ipip else (BGP,)), 9099, *(TYPHA if typha_is_on(document) else ())),
        udp=(TUNNEL_PORTS["vxlan"],) if vxlan else (),
        modules=(("ipip",) if ipip else ()) + (("vxlan",) if vxlan else ()),
    )


def between(document: Document) -> Between:
    """BGP, and Typha where it is on."""
    bgp = (BGP,) if BGP in needs(document, "").tcp else ()
    return Between(nodes=(*bgp, *(TYPHA[:1] if typha_is_on(document) else ())))


def sends_directly(document: Document) -> bool:
    """Whether both kinds of tunnels are off."""
    return document.network.calico.ipip_mode == document.network.calico.vxlan_mode == "Never"
