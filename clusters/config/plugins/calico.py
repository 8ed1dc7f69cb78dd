"""The network plugin "calico": its options, its releases and the rules on them.

The release of 3.27 is the one KubeKey 3.1 installs. For Kubernetes 1.20 to 1.22: according to its requirements page,
3.24 is tested with 1.22 to 1.25. It uses nothing that older API servers lack except `policy/v1`, which becomes
`policy/v1beta1` for 1.20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error
from clusters.config.keys import Model, Text, key
from clusters.config.plugins import KUBEKEY_1, KUBEKEY_3, KUBEKEY_4, NetworkPlugin, Release
from clusters.config.syntax import did_you_mean
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.network.calico"

TUNNELS = ("Always", "CrossSubnet", "Never")


class Typha(Model):
    """Calico's fan-out between API server and nodes."""

    enabled: bool = key(False, "KubeKey always enables it above 50 nodes.", since="3.1.8")
    replicas: int = key(1, "Copies.", since="3.1.8")
    node_selector: dict[str, str] = key({}, "Labels of the nodes it runs on.", since="3.1.8")


class CalicoController(Model):
    """Calico's kube-controllers."""

    replicas: int = key(1, "Copies.", since="3.1.8")
    node_selector: dict[str, str] = key({}, "Labels of the nodes it runs on.", since="3.1.8")


class Calico(Model):
    """Calico's options."""

    ipip_mode: Text = key("Always", "IP-in-IP tunnels.", choices=TUNNELS)
    vxlan_mode: Text = key("Never", "VXLAN tunnels.", choices=TUNNELS)
    veth_mtu: int = key(0, "MTU of the pods' interfaces; 0 detects it.", alias="vethMTU")
    ipv4_nat_outgoing: bool = key(True, "NAT for pods' traffic to the outside.", alias="ipv4NatOutgoing", since="3.0.8")
    ipv6_nat_outgoing: bool = key(False, "The same for IPv6.", alias="ipv6NatOutgoing", since="3.1.8")
    default_ip_pool: bool = key(True, "Create the default address pool.", alias="defaultIPPOOL", since="3.0.11")
    typha: Typha = key(Typha(), "Typha.", since="3.1.8")
    controller: CalicoController = key(CalicoController(), "kube-controllers.", since="3.1.8")
    enable_typha: bool = key(False, "typha.enabled as 3.1.0 to 3.1.7 wrote it.", since="3.1", old=True)
    replicas: int = key(0, "typha.replicas as 3.1.0 to 3.1.7 wrote it.", since="3.1", old=True)
    node_selector: dict[str, str] = key({}, "typha.nodeSelector as 3.1.0 to 3.1.7 wrote it.", since="3.1", old=True)
    ip_auto_detection_method: Text = key("", "How a node detects its address.", since="3.1.11")


def calico(document: Document) -> Iterator[Finding]:
    """Calico's tunnel modes are valid, and only one tunnel is enabled."""
    section = document.network.calico
    for word, text in (("ipipMode", section.ipip_mode), ("vxlanMode", section.vxlan_mode)):
        if text not in TUNNELS:
            path, message = f"{_PATH}.{word}", f"{excerpt(text)} is not a valid {word} of Calico."
            hint, allowed = did_you_mean(text, TUNNELS), ", ".join(TUNNELS)
            yield error("calico.mode", path, message, hint=hint, found=excerpt(text), allowed=allowed)
    if section.ipip_mode in TUNNELS[:2] and section.vxlan_mode in TUNNELS[:2]:
        message = "Calico's address pool can use IP-in-IP or VXLAN, not both."
        hint = "Set ipipMode or vxlanMode to Never."
        path = f"{_PATH}.vxlanMode"
        yield error("calico.both_tunnels", path, message, hint=hint, found=section.vxlan_mode, allowed="Never")
    if section.veth_mtu and not 68 <= section.veth_mtu <= 65535:
        message = f"{section.veth_mtu} is not a valid MTU."
        hint = "Use 0 to let Calico detect it."
        path = f"{_PATH}.vethMTU"
        found = str(section.veth_mtu)
        yield error("calico.mtu_range", path, message, hint=hint, found=found, allowed="0, or 68 to 65535")


PLUGIN = NetworkPlugin(
    "calico",
    "Calico",
    10,
    section=Calico,
    releases=(
        Release("v3.24.5", 20, 22),
        Release("v3.27.4", 23, 29),
        Release("v3.30.7", 30, 33),
        Release("v3.31.7", 34, 35),
        Release("v3.32.1", 36, 37),
    ),
    dialects=(KUBEKEY_1, KUBEKEY_3, KUBEKEY_4),
    instead="Write a values file for Calico's chart and set its path in cni.calico.values.",
    series={
        "3.25": (23, 28),
        "3.26": (23, 28),
        "3.27": (23, 29),
        "3.28": (23, 30),
        "3.29": (23, 32),
        "3.30": (23, 33),
        "3.31": (23, 35),
        "3.32": (34, 37),
    },
    modules=("ipip", "vxlan"),
    rules=(calico,),
)
