"""What each network plugin wants of a machine: free ports and modules of the kernel.

Sources: for the ports the system requirements in each project's documentation (Calico, Flannel's backends.md, Cilium,
Kube-OVN) and, for Hybridnet, its chart; the modules follow from the tunnels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.config.topology import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.config.schema import Document

TUNNEL_PORTS = {"vxlan": 4789, "geneve": 6081}
"""As IANA has them; Flannel, Cilium and Hybridnet use Linux's older 8472 for VXLAN."""

LINUX_VXLAN = 8472
BGP = 179


@dataclass(frozen=True, slots=True)
class Needs:
    """Ports that a plugin opens on a node, TCP and UDP, and kernel modules it cannot do without."""

    tcp: tuple[int, ...] = ()
    udp: tuple[int, ...] = ()
    modules: tuple[str, ...] = ()


def needs_of(document: Document, machine: str) -> Needs:
    """What the document's plugin wants of the machine of that name."""
    known = _NEEDS.get(document.network.plugin)
    return known(document, machine in names(document, "master")) if known else Needs()


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
    return network.plugin == "bridge" or (network.plugin == "flannel" and network.flannel.backend_mode == "host-gw")


def _calico(document: Document, control_plane: bool) -> Needs:
    ipip, vxlan = document.network.calico.ipip_mode != "Never", document.network.calico.vxlan_mode != "Never"
    return Needs(
        # BGP runs unless all tunnels are VXLAN; Felix answers for its health on the loopback.
        tcp=(9099,) if vxlan and not ipip else (BGP, 9099),
        udp=(TUNNEL_PORTS["vxlan"],) if vxlan else (),
        modules=(("ipip",) if ipip else ()) + (("vxlan",) if vxlan else ()),
    )


def _flannel(document: Document, control_plane: bool) -> Needs:
    return {
        "vxlan": Needs(udp=(LINUX_VXLAN,), modules=("vxlan",)),
        "ipip": Needs(modules=("ipip",)),
        "wireguard": Needs(udp=(51820,), modules=("wireguard",)),
    }.get(document.network.flannel.backend_mode, Needs())


def _cilium(document: Document, control_plane: bool) -> Needs:
    return Needs(tcp=(4240, 9879), udp=(LINUX_VXLAN,), modules=("vxlan",))


def _kubeovn(document: Document, control_plane: bool) -> Needs:
    tunnel = document.network.kubeovn.tunnel_type
    return Needs(
        tcp=(10665, *((6641, 6642, 6643, 6644, 10660) if control_plane else ()), *((7471,) if tunnel == "stt" else ())),
        udp=(TUNNEL_PORTS[tunnel],) if tunnel in TUNNEL_PORTS else (),
        modules=("openvswitch", tunnel) if tunnel in TUNNEL_PORTS else ("openvswitch",),
    )


def _hybridnet(document: Document, control_plane: bool) -> Needs:
    return Needs(tcp=(11021, *((9898, 9899) if control_plane else ())), udp=(LINUX_VXLAN,), modules=("vxlan",))


_NEEDS: dict[str, Callable[[Document, bool], Needs]] = {
    "calico": _calico,
    "flannel": _flannel,
    "cilium": _cilium,
    "kubeovn": _kubeovn,
    "hybridnet": _hybridnet,
}
