"""Ports, modules and neighbours that Cilium needs. Ports are those that its pods open in a node's own network.

Sources: the pods that helm renders from the pinned charts; for what these do not name, "Firewall Rules" in the System
Requirements of Cilium's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.networks.cilium.chart_values import minor, settings
from clusters.catalog.networks.cilium.parts import hubble, value
from clusters.catalog.networks.needs import LINUX_VXLAN
from clusters.catalog.plugins import Needs
from clusters.numbers import whole_number

if TYPE_CHECKING:
    from clusters.config.schema import Document

HEALTH = 4240
"""Every other node connects to it."""

TUNNELS = {"vxlan": LINUX_VXLAN, "geneve": 6081}
"""Cilium's tunnels and their ports."""


def needs(document: Document, machine: str) -> Needs:
    """What the plugin needs of the machine of that name."""
    chosen, release = settings(document), minor(document)
    # The health checks of the node, the agent and the operator, and two ports for their debuggers.
    tcp = [HEALTH, 9879, 9234, 9890, 9891]
    # From the chart of 1.15 on the operator's metrics are on by default.
    tcp += [9963] if value(chosen, "operator.prometheus.enabled", release >= 15) else []
    tcp += [9962] if value(chosen, "prometheus.enabled", False) else []
    tcp += [4244] if hubble(chosen) else []
    tcp += [9878, 9964] if value(chosen, "envoy.enabled", False) else []
    udp, modules = [], []
    # Up to 1.14 `tunnel` sets both.
    tunnel = value(chosen, "tunnel") or value(chosen, "tunnelProtocol") or "vxlan"
    if tunnel in TUNNELS and value(chosen, "routingMode", "tunnel") != "native":
        udp.append(whole_number(str(value(chosen, "tunnelPort", 0)), 5) or TUNNELS[tunnel])
        modules.append(tunnel)
    if value(chosen, "encryption.enabled", False) and value(chosen, "encryption.type") == "wireguard":
        udp.append(51871)
        modules.append("wireguard")
    return Needs(tuple(tcp), tuple(udp), tuple(modules))


def sends_directly(document: Document) -> bool:
    """Whether nodes know the routes to each other's pods."""
    chosen = settings(document)
    return value(chosen, "routingMode") == "native" and bool(value(chosen, "autoDirectNodeRoutes"))
