"""What each network plugin wants of a machine: free ports and modules of the kernel.

Ports are those that its pods open in a node's own network. Sources: probes and ports of the pods that helm renders from
the pinned charts, and of Calico's manifests; for what these do not name

- Calico: the defaults of Felix and Typha (`HealthPort`) at the pinned tags.
- Flannel: `Documentation/backends.md`.
- Cilium: "Firewall Rules" in the System Requirements of its documentation.
- Kube-OVN: "Prerequisites" of its documentation, and `dist/images/start-db.sh` at the pinned tags.
- Hybridnet: the flags of its programs (`cmd/`, `pkg/daemon/config`) and `policy/policyinit.sh` at v0.8.8.

The modules follow from the tunnels; Cilium's and Kube-OVN's are in the same documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.catalog.ciliumparts import hubble, value
from clusters.catalog.networks import cilium
from clusters.catalog.networks.calico import typha_is_on
from clusters.catalog.networks.kubeovn import has_database
from clusters.catalog.plugins import pod_networks
from clusters.config.topology import names
from clusters.numbers import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.config.schema import Document

TUNNEL_PORTS = {"vxlan": 4789, "geneve": 6081}
"""As IANA has them; Flannel, Cilium and Hybridnet use Linux's older 8472 for VXLAN."""

LINUX_VXLAN = 8472
BGP = 179

CILIUM_TUNNELS = {"vxlan": LINUX_VXLAN, "geneve": 6081}
"""Cilium's tunnels and their ports."""

TYPHA = (5473, 9098)
"""What Typha, which runs on some of the nodes, opens: for the nodes, and on the loopback for its health."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Ports that a plugin opens on a node, TCP and UDP, and kernel modules it cannot do without."""

    tcp: tuple[int, ...] = ()
    udp: tuple[int, ...] = ()
    modules: tuple[str, ...] = ()


def needs_of(document: Document, machine: str) -> Needs:
    """What the document's plugin wants of the machine of that name."""
    known = _NEEDS.get(document.network.plugin)
    return known(document, machine) if known else Needs()


@dataclass(frozen=True, slots=True)
class Between:
    """TCP ports that have to be open between machines: of every node for every other; of control planes for every node;
    of control planes for each other."""

    nodes: tuple[int, ...] = ()
    central: tuple[int, ...] = ()
    among_central: tuple[int, ...] = ()


def ports_between(document: Document) -> Between:
    """Of the ports in `needs_of`, those that are for other machines; the rest are for the node itself."""
    network = document.network
    if network.plugin == "calico" and BGP in needs_of(document, "").tcp:
        return Between(nodes=(BGP,))
    if network.plugin == "cilium":
        return Between(nodes=(4240,))
    if network.plugin == "kubeovn":
        # The two databases, asked by every node, and what their copies tell each other.
        stt = (7471,) if network.kubeovn.tunnel_type == "stt" else ()
        return Between(nodes=stt, central=(6641, 6642), among_central=(6643, 6644))
    return Between()


def sends_directly(document: Document) -> bool:
    """Whether packets to pods leave a node without a tunnel, so that the next node has to be its neighbour."""
    network = document.network
    if network.plugin == "calico":
        return network.calico.ipip_mode == network.calico.vxlan_mode == "Never"
    if network.plugin == "cilium":
        chosen = cilium.settings(document)
        return value(chosen, "routingMode") == "native" and bool(value(chosen, "autoDirectNodeRoutes"))
    return network.plugin == "bridge" or (network.plugin == "flannel" and network.flannel.backend_mode == "host-gw")


def _calico(document: Document, machine: str) -> Needs:
    ipip, vxlan = document.network.calico.ipip_mode != "Never", document.network.calico.vxlan_mode != "Never"
    return Needs(
        # BGP runs unless all tunnels are VXLAN; Felix answers for its health on the loopback.
        tcp=(*(() if vxlan and not ipip else (BGP,)), 9099, *(TYPHA if typha_is_on(document) else ())),
        udp=(TUNNEL_PORTS["vxlan"],) if vxlan else (),
        modules=(("ipip",) if ipip else ()) + (("vxlan",) if vxlan else ()),
    )


def _flannel(document: Document, machine: str) -> Needs:
    both = all(pod_networks(document))
    return {
        "vxlan": Needs(udp=(LINUX_VXLAN,), modules=("vxlan",)),
        "ipip": Needs(modules=("ipip",)),
        # Each family has a tunnel of its own.
        "wireguard": Needs(udp=(51820, 51821) if both else (51820,), modules=("wireguard",)),
    }.get(document.network.flannel.backend_mode, Needs())


def _cilium(document: Document, machine: str) -> Needs:
    chosen, minor = cilium.settings(document), cilium.minor(document)
    # Health of the node, then of agent and operator, and two for their debuggers.
    tcp = [4240, 9879, 9234, 9890, 9891]
    # From the chart of 1.15 on the operator's metrics are on by themselves.
    tcp += [9963] if value(chosen, "operator.prometheus.enabled", minor >= 15) else []
    tcp += [9962] if value(chosen, "prometheus.enabled", False) else []
    tcp += [4244] if hubble(chosen) else []
    tcp += [9878, 9964] if value(chosen, "envoy.enabled", False) else []
    udp, modules = [], []
    # Up to 1.14 `tunnel` says both.
    tunnel = value(chosen, "tunnel") or value(chosen, "tunnelProtocol") or "vxlan"
    if tunnel in CILIUM_TUNNELS and value(chosen, "routingMode", "tunnel") != "native":
        udp.append(whole_number(str(value(chosen, "tunnelPort", 0)), 5) or CILIUM_TUNNELS[tunnel])
        modules.append(tunnel)
    if value(chosen, "encryption.enabled", False) and value(chosen, "encryption.type") == "wireguard":
        udp.append(51871)
        modules.append("wireguard")
    return Needs(tuple(tcp), tuple(udp), tuple(modules))


def _kubeovn(document: Document, machine: str) -> Needs:
    tunnel = document.network.kubeovn.tunnel_type
    database = (6641, 6642, 6643, 6644, 10661) if has_database(document, machine) else ()
    return Needs(
        # The controller runs on any node.
        tcp=(10660, 10665, *database, *((7471,) if tunnel == "stt" else ())),
        udp=(TUNNEL_PORTS[tunnel],) if tunnel in TUNNEL_PORTS else (),
        modules=("openvswitch", tunnel) if tunnel in TUNNEL_PORTS else ("openvswitch",),
    )


def _hybridnet(document: Document, machine: str) -> Needs:
    control_plane = machine in names(document, "master")
    policies = document.network.hybridnet.enable_network_policy
    return Needs(
        tcp=(11021, *((9898, 9899) if control_plane else ()), *((9099, *TYPHA) if policies else ())),
        udp=(LINUX_VXLAN,),
        modules=("vxlan",),
    )


_NEEDS: dict[str, Callable[[Document, str], Needs]] = {
    "calico": _calico,
    "flannel": _flannel,
    "cilium": _cilium,
    "kubeovn": _kubeovn,
    "hybridnet": _hybridnet,
}
