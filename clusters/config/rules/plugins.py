"""Rules on the options of network plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error, warning
from clusters.config.rules.network import networks, usable
from clusters.config.rules.registry import rule
from clusters.config.sections.network import TUNNELS, Calico, Flannel, Hybridnet, KubeOvn
from clusters.config.syntax import address_of, did_you_mean, network_of
from clusters.config.yamltree import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.network"


@rule
def options_of_another(document: Document) -> Iterator[Finding]:
    """Options are given for the plugin that is chosen."""
    network = document.network
    for name, section, empty in (
        ("calico", network.calico, Calico()),
        ("flannel", network.flannel, Flannel()),
        ("kubeovn", network.kubeovn, KubeOvn()),
        ("hybridnet", network.hybridnet, Hybridnet()),
    ):
        if section != empty and network.plugin != name:
            message = f"The network plugin is {shown(network.plugin)}, so the options of {name} have no effect."
            yield warning("network.options_unused", f"{_PATH}.{name}", message, found=name, allowed=network.plugin)


@rule
def calico(document: Document) -> Iterator[Finding]:
    """Calico's tunnels are ones it has, and only one of them is on."""
    section = document.network.calico
    for key, text in (("ipipMode", section.ipip_mode), ("vxlanMode", section.vxlan_mode)):
        if text not in TUNNELS:
            path, message = f"{_PATH}.calico.{key}", f"Calico has no {key} {shown(text)}."
            hint, allowed = did_you_mean(text, TUNNELS), ", ".join(TUNNELS)
            yield error("calico.mode", path, message, hint=hint, found=shown(text), allowed=allowed)
    if section.ipip_mode in TUNNELS[:2] and section.vxlan_mode in TUNNELS[:2]:
        message = "Calico's address pool has either IP-in-IP or VXLAN, not both."
        hint = "Set ipipMode or vxlanMode to Never."
        path = f"{_PATH}.calico.vxlanMode"
        yield error("calico.both_tunnels", path, message, hint=hint, found=section.vxlan_mode, allowed="Never")
    if section.veth_mtu and not 68 <= section.veth_mtu <= 65535:
        message = f"An MTU of {section.veth_mtu} does not exist."
        hint = "Leave it at 0: Calico finds it out."
        path = f"{_PATH}.calico.vethMTU"
        found = str(section.veth_mtu)
        yield error("calico.mtu_range", path, message, hint=hint, found=found, allowed="0, or 68 to 65535")


@rule
def kubeovn(document: Document) -> Iterator[Finding]:
    """Kube-OVN's networks are apart, and its gateway is among the pods."""
    if document.network.plugin != "kubeovn":
        return
    section = document.network.kubeovn
    join, path = network_of(section.join_cidr), f"{_PATH}.kubeovn.joinCIDR"
    if join is None:
        message = f"Expected the network between nodes and pods, found {shown(section.join_cidr)}."
        found = shown(section.join_cidr)
        yield error(
            "kubeovn.join_syntax", path, message, hint="100.64.0.0/16 is usual.", found=found, allowed="a network"
        )
    for _, name, text in networks(document):
        for network in usable(text):
            if join is not None and network.version == join.version and network.overlaps(join):
                message = f"The network between nodes and pods {join} and the {name} network {network} overlap."
                allowed = f"outside {network}"
                yield error("kubeovn.join_overlap", path, message, found=str(join), allowed=allowed)
    gateway = section.controller.pod_gateway
    pods = usable(document.network.kube_pods_cidr)
    address = address_of(gateway)
    if gateway and pods and (address is None or not any(address in network for network in pods)):
        message = f"The pods' gateway {shown(gateway)} is not in the pod network {pods[0]}."
        path = f"{_PATH}.kubeovn.kube-ovn-controller.podGateway"
        hint = "Leave it out for the first address."
        yield error("kubeovn.gateway", path, message, hint=hint, found=shown(gateway), allowed=f"in {pods[0]}")


@rule
def hybridnet(document: Document) -> Iterator[Finding]:
    """Hybridnet's parts are networks, and their addresses are inside."""
    for number, network in enumerate(document.network.hybridnet.networks):
        for index, subnet in enumerate(network.subnets):
            path = f"{_PATH}.hybridnet.networks.{number}.subnets.{index}"
            cidr = network_of(subnet.cidr)
            if cidr is None:
                message = f"Expected the network of a part, found {shown(subnet.cidr)}."
                found = shown(subnet.cidr)
                yield error("hybridnet.cidr_syntax", f"{path}.cidr", message, found=found, allowed="a network")
                continue
            for key, text in (("gateway", subnet.gateway), ("start", subnet.start), ("end", subnet.end)):
                address = address_of(text)
                if text and (address is None or address not in cidr):
                    message = f"{key} {shown(text)} is not in {cidr}."
                    yield error("hybridnet.outside", f"{path}.{key}", message, found=shown(text), allowed=f"in {cidr}")
