"""Rules on the network section: the plugin, and networks that do not overlap and are large enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config import topology
from clusters.config.cidrs import PODS, SERVICES, networks, usable
from clusters.config.finding import error, warning
from clusters.config.plugins import is_left_to_the_user, names
from clusters.config.rules.registry import rule
from clusters.config.syntax import address_of, did_you_mean, network_of, parts_of
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

MOST_SUBNET_BITS = 16
"""nodeCidrMaskSize may exceed the pod network's length by this. Source: kubeadm's constant PodSubnetNodeMaskMaxDiff."""
FEWEST_SERVICES = 10
"""The DNS service has the tenth address. Source: kubeadm's constant MinimumAddressesInServiceSubnet."""
MOST_SERVICE_BITS = 20
"""A service network is /12 (or /108) at most. Source: kubeadm's constant MaximumBitsForServiceSubnet."""
DOCKER_BRIDGE = "172.17.0.0/16"
"""Source: Docker's default bridge."""

_SYNTAX = "a network like 10.233.64.0/18, or IPv4,IPv6"


@rule
def plugin(document: Document) -> Iterator[Finding]:
    """The network plugin is known."""
    text, path = document.network.plugin, "spec.network.plugin"
    if text not in names():
        message = f"{excerpt(text)} is not a network plugin."
        hint, allowed = did_you_mean(text, names()), ", ".join(names())
        yield error("network.plugin_unknown", path, message, hint=hint, found=excerpt(text), allowed=allowed)
    elif is_left_to_the_user(text):
        yield warning(
            "network.plugin_none", path, "Without a network plugin, nodes stay NotReady until you install one."
        )


@rule
def syntax(document: Document) -> Iterator[Finding]:
    """Both networks use CIDR notation; of two parts, the first is IPv4, the second IPv6."""
    for path, name, text in networks(document):
        for part in parts_of(text):
            network = network_of(part)
            if network is None:
                found = f"found {excerpt(part)}" if part else "found nothing"
                hint = "Write it like 10.233.64.0/18."
                message = f"Expected the {name} network, {found}."
                yield error("network.cidr_syntax", path, message, hint=hint, found=excerpt(part), allowed=_SYNTAX)
            elif (
                network.is_loopback or network.is_multicast or network.is_link_local or not int(network.network_address)
            ):
                message = f"{part} is reserved and cannot be used."
                yield error("network.cidr_reserved", path, message, found=part, allowed="a private network")
        kinds = [network.version for network in usable(text)]
        if len(parts_of(text)) > 1 and len(kinds) == len(parts_of(text)) and kinds != [4, 6]:
            message = f"Two {name} networks must be IPv4 and IPv6, in this order; found {excerpt(text)}."
            yield error("network.dual_stack_order", path, message, found=excerpt(text), allowed="IPv4,IPv6")


@rule
def both_or_neither(document: Document) -> Iterator[Finding]:
    """Pods and services have networks of the same address families."""
    pods, services = usable(document.network.kube_pods_cidr), usable(document.network.kube_service_cidr)
    kinds = [each.version for each in pods], [each.version for each in services]
    if pods and services and kinds[0] != kinds[1] and max(map(len, kinds)) <= 2:
        message = "Pods and services need the same address families: both IPv4, or both IPv4,IPv6."
        yield error(
            "network.dual_stack_mixed",
            SERVICES,
            message,
            found=document.network.kube_service_cidr,
            allowed=" and ".join(f"IPv{kind}" for kind in kinds[0]),
        )


@rule
def nodes_of_both_kinds(document: Document) -> Iterator[Finding]:
    """With two pod networks, every node has two addresses, because pod traffic of each family needs one."""
    if len(usable(document.network.kube_pods_cidr)) < 2:
        return
    roles = topology.all_roles(document)
    for index, host in enumerate(document.hosts):
        if len(host.node_addresses) == 1 and set(roles[host.name]) & {"master", "worker"}:
            path = f"spec.hosts.{index}.{'internalAddress' if host.internal_address else 'address'}"
            message = f"The pod network has IPv4 and IPv6, but {host.name} only has {host.node_address}."
            hint = f"Append its IPv6 address, like internalAddress: {host.node_address},fd00::{index + 1}."
            yield error(
                "network.dual_stack_nodes",
                path,
                message,
                hint=hint,
                hosts=(host.name,),
                found=host.node_address,
                allowed="IPv4,IPv6",
            )


@rule
def apart(document: Document) -> Iterator[Finding]:
    """The pod and the service network do not overlap."""
    for pods in usable(document.network.kube_pods_cidr):
        for services in usable(document.network.kube_service_cidr):
            if pods.version == services.version and pods.overlaps(services):
                yield error(
                    "network.overlap",
                    SERVICES,
                    f"The service network {services} and the pod network {pods} overlap.",
                    hint="Use, for example, 10.233.64.0/18 for pods and 10.233.0.0/18 for services.",
                    found=str(services),
                    allowed=f"outside {pods}",
                )


@rule
def apart_from_machines(document: Document) -> Iterator[Finding]:
    """No machine and no load balancer has an address in the pod or the service network."""
    addresses = [(host.name, part) for host in document.hosts for part in host.node_addresses]
    addresses += [(host.name, host.address) for host in document.hosts if host.address != host.node_address]
    addresses.append(("the endpoint", document.control_plane_endpoint.address))
    parsed = [(name, address) for name, text in addresses if (address := address_of(text)) is not None]
    for path, name, text in networks(document):
        for network in usable(text):
            inside = [(owner, address) for owner, address in parsed if address in network]
            if inside:
                owner, address = inside[0]
                more = f" and {len(inside) - 1} more" if len(inside) > 1 else ""
                yield error(
                    "network.overlaps_machines",
                    path,
                    f"{owner} ({address}){more} is inside the {name} network {network} and would be unreachable.",
                    hint="Use a network that contains no machine.",
                    hosts=tuple(dict.fromkeys(owner for owner, _ in inside if owner != "the endpoint")),
                    found=str(network),
                    allowed="a network without machines",
                )


@rule(waivable=True)
def apart_from_docker(document: Document) -> Iterator[Finding]:
    """With docker, its bridge does not overlap with pods, services or machines."""
    if document.kubernetes.container_manager != "docker":
        return
    bridge = network_of(document.registry.bridge_ip or DOCKER_BRIDGE)
    if bridge is None:
        return
    hint = "Use another network, or set registry.bridgeIP."
    for path, name, text in networks(document):
        for network in usable(text):
            if network.version == bridge.version and network.overlaps(bridge):
                message = f"The {name} network {network} and docker's bridge {bridge} overlap."
                allowed = f"outside {bridge}"
                yield error("network.docker_bridge", path, message, hint=hint, found=str(network), allowed=allowed)
    for index, host in enumerate(document.hosts):
        address = address_of(host.node_addresses[0] if host.node_addresses else "")
        if address is not None and address in bridge:
            message = f"{host.name} ({address}) is inside docker's bridge {bridge}."
            path = f"spec.hosts.{index}.{'internalAddress' if host.internal_address else 'address'}"
            found, allowed = str(address), f"outside {bridge}"
            yield error("network.docker_bridge", path, message, hint=hint, found=found, allowed=allowed)


@rule
def room_for_nodes(document: Document) -> Iterator[Finding]:
    """The pod network has a part for every node."""
    nodes = len(topology.members(document, "kubernetes"))
    kubernetes = document.kubernetes
    masks = {4: kubernetes.node_cidr_mask_size, 6: kubernetes.node_cidr_mask_size_ipv6}
    keys = {4: "nodeCidrMaskSize", 6: "nodeCidrMaskSizeIPv6"}
    for pods in usable(document.network.kube_pods_cidr):
        mask, key = masks[pods.version], keys[pods.version]
        if pods.version == 4 and not 8 <= mask <= 30:
            continue  # reported by another rule
        bits = mask - pods.prefixlen
        if bits < 0:
            message = f"The pod network {pods} is smaller than one node's part, a /{mask}."
            hint = f"Use a larger network or a larger {key}."
            allowed = f"/{mask} or larger"
            yield error("network.pods_too_small", PODS, message, hint=hint, found=str(pods), allowed=allowed)
        elif 2**bits < nodes:
            message = f"The pod network {pods} has only {2**bits} parts of size /{mask} for {nodes} nodes."
            fitting = mask - (nodes - 1).bit_length()
            hint = f"Use a /{fitting} or a larger {key}."
            allowed = f"/{fitting} or larger"
            yield error("network.pods_too_small", PODS, message, hint=hint, found=str(pods), allowed=allowed)
        elif bits > MOST_SUBNET_BITS or mask > pods.max_prefixlen:
            most = min(pods.prefixlen + MOST_SUBNET_BITS, pods.max_prefixlen)
            message = f"/{mask} is {bits} bits longer than the pod network {pods}; kubeadm allows {MOST_SUBNET_BITS}."
            hint = f"Use a {key} of at most {most}."
            at = f"spec.kubernetes.{key}"
            yield error("network.mask_too_far", at, message, hint=hint, found=str(mask), allowed=f"up to {most}")


@rule
def room_for_services(document: Document) -> Iterator[Finding]:
    """The service network is neither too small nor too large for kubeadm."""
    for services in usable(document.network.kube_service_cidr):
        longest = services.max_prefixlen - MOST_SERVICE_BITS
        if services.num_addresses < FEWEST_SERVICES:
            message = f"{services} has {services.num_addresses} addresses; at least {FEWEST_SERVICES} are required."
            allowed = f"at least {FEWEST_SERVICES} addresses"
            yield error("network.services_too_small", SERVICES, message, found=str(services), allowed=allowed)
        elif services.prefixlen < longest:
            hint = f"Use a /{longest} or smaller."
            message = f"The service network {services} is too large for kubeadm."
            allowed = f"/{longest} or smaller"
            yield error(
                "network.services_too_large", SERVICES, message, hint=hint, found=str(services), allowed=allowed
            )
