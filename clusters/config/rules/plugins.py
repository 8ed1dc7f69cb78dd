"""Rules on the options of network plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error, warning
from clusters.config.pluginversions import DUAL_STACK, RELEASES, minors_of, plugin_version
from clusters.config.rules.network import networks, usable
from clusters.config.rules.registry import rule
from clusters.config.sections.network import BACKENDS, TUNNELS, Calico, Flannel, Hybridnet, KubeOvn
from clusters.config.syntax import address_of, did_you_mean, network_of, parts_of
from clusters.config.versions import is_known
from clusters.config.yamltree import shown
from clusters.errors import ConfigError

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
def plugin_release(document: Document) -> Iterator[Finding]:
    """The network plugin has a release for this Kubernetes."""
    name, version = document.network.plugin, document.kubernetes.version
    if name not in RELEASES or not is_known(version):
        return
    try:
        plugin_version(name, version)
    except ConfigError as missing:
        message = f"{missing.message} It is for Kubernetes {minors_of(name)}."
        hint = "Choose another plugin, or another version of Kubernetes."
        allowed = f"Kubernetes {minors_of(name)}"
        yield error("network.plugin_no_release", f"{_PATH}.plugin", message, hint=hint, found=version, allowed=allowed)


@rule
def plugin_families(document: Document) -> Iterator[Finding]:
    """The network plugin carries IPv4 and IPv6 when the pods' network has both."""
    network = document.network
    two = len(parts_of(network.kube_pods_cidr)) > 1
    if two and network.plugin in (*RELEASES, "bridge") and network.plugin not in DUAL_STACK:
        message = f"{network.plugin} carries one family of addresses; the pods' network has two."
        path, allowed = f"{_PATH}.plugin", ", ".join(DUAL_STACK)
        yield error("network.plugin_one_family", path, message, found=network.plugin, allowed=allowed)


@rule
def flannel(document: Document) -> Iterator[Finding]:
    """Flannel's backend is one it has, and direct routing one of VXLAN's."""
    section = document.network.flannel
    if section.backend_mode not in BACKENDS:
        path, message = f"{_PATH}.flannel.backendMode", f"Flannel has no backend {shown(section.backend_mode)}."
        hint, allowed = did_you_mean(section.backend_mode, BACKENDS), ", ".join(BACKENDS)
        yield error("flannel.backend", path, message, hint=hint, found=shown(section.backend_mode), allowed=allowed)
    elif section.direct_routing and section.backend_mode not in ("vxlan", "ipip"):
        message = f"The backend {section.backend_mode} has no tunnel that directRouting could leave out."
        path = f"{_PATH}.flannel.directRouting"
        yield warning("flannel.direct_routing", path, message, found=section.backend_mode, allowed="vxlan, ipip")


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
