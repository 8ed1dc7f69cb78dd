"""The network plugin "hybridnet": its options, its release and the rule on them.

The chart requires `kubeVersion: >=1.16.0-0`; KubeKey 4 installs 0.6.8 (Hybridnet 0.8.8). The project has not published
a release since 2024.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error
from clusters.config.keys import Cidr, Model, Names, Text, key
from clusters.config.plugins import KUBEKEY_3, KUBEKEY_4, NetworkPlugin, Release
from clusters.config.syntax import address_of, network_of
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.network.hybridnet"


class HybridnetSubnet(Model):
    """A part of a Hybridnet network."""

    name: Text = key("", "Its name.", since="3.1")
    net_id: int | None = key(None, "Its VLAN or VXLAN number.", alias="netID", since="3.1")
    cidr: Cidr = key("", "Its addresses.", since="3.1")
    gateway: Text = key("", "Its gateway.", since="3.1")
    start: Text = key("", "The first address to assign.", since="3.1")
    end: Text = key("", "The last address to assign.", since="3.1")
    reserved_ips: Names = key((), "Addresses assigned only on request.", alias="reservedIPs", since="3.1")
    exclude_ips: Names = key((), "Addresses that are never assigned.", alias="excludeIPs", since="3.1")


class HybridnetNetwork(Model):
    """One of Hybridnet's networks."""

    name: Text = key("", "Its name.", since="3.1")
    net_id: int | None = key(None, "Its VLAN or VXLAN number.", alias="netID", since="3.1")
    type: Text = key("", "Underlay or Overlay.", since="3.1")
    mode: Text = key("", "VXLAN, VLAN or BGP.", since="3.1")
    node_selector: dict[str, str] = key({}, "Labels of its nodes.", since="3.1")
    subnets: tuple[HybridnetSubnet, ...] = key((), "Its parts.", since="3.1")


class Hybridnet(Model):
    """Hybridnet's options."""

    default_network_type: Text = key("Overlay", "Underlay or Overlay.", since="3.1")
    enable_network_policy: bool = key(True, "Network policies.", since="3.1")
    init: bool = key(True, "Create an initial overlay from the pod network.", since="3.1")
    prefer_vxlan_interfaces: Text = key("", "Interfaces for VXLAN.", since="3.1")
    prefer_vlan_interfaces: Text = key("", "Interfaces for VLAN.", since="3.1")
    prefer_bgp_interfaces: Text = key("", "Interfaces for BGP.", alias="preferBGPInterfaces", since="3.1")
    networks: tuple[HybridnetNetwork, ...] = key((), "Its networks.", since="3.1")


def hybridnet(document: Document) -> Iterator[Finding]:
    """Hybridnet's subnets are networks that contain their addresses."""
    for number, network in enumerate(document.network.hybridnet.networks):
        for index, subnet in enumerate(network.subnets):
            path = f"{_PATH}.networks.{number}.subnets.{index}"
            cidr = network_of(subnet.cidr)
            if cidr is None:
                message = f"Expected the network of a subnet, found {excerpt(subnet.cidr)}."
                found = excerpt(subnet.cidr)
                yield error("hybridnet.cidr_syntax", f"{path}.cidr", message, found=found, allowed="a network")
                continue
            for word, text in (("gateway", subnet.gateway), ("start", subnet.start), ("end", subnet.end)):
                address = address_of(text)
                if text and (address is None or address not in cidr):
                    message = f"{word} {excerpt(text)} is not in {cidr}."
                    yield error(
                        "hybridnet.outside", f"{path}.{word}", message, found=excerpt(text), allowed=f"in {cidr}"
                    )


PLUGIN = NetworkPlugin(
    "hybridnet",
    "Hybridnet",
    50,
    section=Hybridnet,
    releases=(Release("v0.6.8", 20, 37),),
    # Its networks have one family each, and a pod gets one of them, unless it is annotated.
    dual_stack=False,
    dialects=(KUBEKEY_3, KUBEKEY_4),
    modules=("vxlan",),
    rules=(hybridnet,),
)
