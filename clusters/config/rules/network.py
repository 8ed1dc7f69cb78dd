"""Rules on the network section: the plugin, and networks that are apart and large enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config import topology
from clusters.config.finding import error, warning
from clusters.config.rules.registry import rule
from clusters.config.syntax import Network, address_of, did_you_mean, network_of
from clusters.config.yamltree import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

PLUGINS = ("bridge", "none")
PLUGINS_LATER = ("calico", "flannel", "cilium", "kubeovn", "hybridnet")

MOST_SUBNET_BITS = 16
"""nodeCidrMaskSize may exceed the pod network's length by this. Source: kubeadm's constant PodSubnetNodeMaskMaxDiff."""
FEWEST_SERVICES = 10
"""The DNS service has the tenth address. Source: kubeadm's constant MinimumAddressesInServiceSubnet."""
MOST_SERVICE_BITS = 20
"""A service network is /12 at most. Source: kubeadm's constant MaximumBitsForServiceSubnet."""

_PODS, _SERVICES = "spec.network.kubePodsCIDR", "spec.network.kubeServiceCIDR"


def _networks(document: Document) -> tuple[tuple[str, str, str], ...]:
    """Path, what it is, and the text."""
    network = document.network
    return ((_PODS, "pod", network.kube_pods_cidr), (_SERVICES, "service", network.kube_service_cidr))


def _usable(text: str) -> Network | None:
    network = network_of(text)
    return network if network is not None and network.version == 4 else None


@rule
def plugin(document: Document) -> Iterator[Finding]:
    """The network plugin is one that is built."""
    text, path = document.network.plugin, "spec.network.plugin"
    if text in PLUGINS_LATER:
        hint = "Take bridge (routes between machines of one network), or none and install it yourself."
        yield error("network.plugin_not_built", path, f"{text} is not built yet.", hint=hint)
    elif text not in PLUGINS:
        hint = did_you_mean(text, (*PLUGINS, *PLUGINS_LATER))
        yield error("network.plugin_unknown", path, f"{shown(text)} is no network plugin.", hint=hint)
    elif text == "none":
        yield warning(
            "network.plugin_none", path, "Without a network plugin nodes stay NotReady until you install one yourself."
        )


@rule
def syntax(document: Document) -> Iterator[Finding]:
    """Both networks are IPv4 networks in CIDR notation, without host bits."""
    for path, name, text in _networks(document):
        network = network_of(text)
        if "," in text:
            yield error(
                "network.dual_stack", path, "Two networks (dual stack) are not built yet.", hint="Keep the first."
            )
        elif network is None:
            found = f"found {shown(text)}" if text else "nothing is written"
            hint = "Write it like 10.233.64.0/18."
            yield error("network.cidr_syntax", path, f"Expected the {name} network, {found}.", hint=hint)
        elif network.version == 6:
            yield error("network.ipv6", path, f"{text} is an IPv6 network; these are not built yet.")
        elif text.partition("/")[0] != str(network.network_address):
            hint = f"Did you mean {network}?"
            yield error("network.host_bits", path, f"{text} is an address in a network, not a network.", hint=hint)
        elif network.is_loopback or network.is_multicast or network.is_link_local or not int(network.network_address):
            yield error("network.cidr_reserved", path, f"{text} has a meaning of its own and cannot be used.")


@rule
def apart(document: Document) -> Iterator[Finding]:
    """The pod and the service network do not overlap."""
    pods, services = _usable(document.network.kube_pods_cidr), _usable(document.network.kube_service_cidr)
    if pods is not None and services is not None and pods.overlaps(services):
        yield error(
            "network.overlap",
            _SERVICES,
            f"The service network {services} and the pod network {pods} overlap.",
            hint="For instance 10.233.64.0/18 for pods and 10.233.0.0/18 for services.",
        )


@rule
def apart_from_machines(document: Document) -> Iterator[Finding]:
    """No machine and no load balancer has an address in the pod or the service network."""
    addresses = [(host.name, host.node_address) for host in document.hosts]
    addresses += [(host.name, host.address) for host in document.hosts if host.address != host.node_address]
    addresses.append(("the endpoint", document.control_plane_endpoint.address))
    parsed = [(name, address) for name, text in addresses if (address := address_of(text)) is not None]
    for path, name, text in _networks(document):
        network = _usable(text)
        inside = [(owner, address) for owner, address in parsed if network is not None and address in network]
        if inside:
            owner, address = inside[0]
            more = f" and {len(inside) - 1} more" if len(inside) > 1 else ""
            yield error(
                "network.overlaps_machines",
                path,
                f"{owner} ({address}){more} is inside the {name} network {network}: it could not be reached.",
                hint="Take a network that no machine is in.",
                hosts=tuple(dict.fromkeys(owner for owner, _ in inside if owner != "the endpoint")),
            )


@rule
def room_for_nodes(document: Document) -> Iterator[Finding]:
    """The pod network has a part for every node."""
    pods, mask = _usable(document.network.kube_pods_cidr), document.kubernetes.node_cidr_mask_size
    if pods is None or not 8 <= mask <= 30:
        return
    nodes = len(topology.members(document, "kubernetes"))
    bits = mask - pods.prefixlen
    if bits < 0:
        yield error(
            "network.pods_too_small",
            _PODS,
            f"The pod network {pods} is smaller than one node's part, a /{mask}.",
            hint="Take a larger network or a larger nodeCidrMaskSize.",
        )
    elif 2**bits < nodes:
        yield error(
            "network.pods_too_small",
            _PODS,
            f"The pod network {pods} has {2**bits} parts of size /{mask} for {nodes} nodes.",
            hint=f"Take a /{mask - (nodes - 1).bit_length()} or a larger nodeCidrMaskSize.",
        )
    elif bits > MOST_SUBNET_BITS:
        yield error(
            "network.mask_too_far",
            "spec.kubernetes.nodeCidrMaskSize",
            f"/{mask} is {bits} bits longer than the pod network {pods}; kubeadm allows {MOST_SUBNET_BITS}.",
            hint=f"Take a nodeCidrMaskSize of at most {pods.prefixlen + MOST_SUBNET_BITS}.",
        )


@rule
def room_for_services(document: Document) -> Iterator[Finding]:
    """The service network is neither too small nor too large for kubeadm."""
    services = _usable(document.network.kube_service_cidr)
    if services is None:
        return
    if services.num_addresses < FEWEST_SERVICES:
        found = f"{services} has {services.num_addresses} addresses"
        yield error("network.services_too_small", _SERVICES, f"{found}; at least {FEWEST_SERVICES} are needed.")
    elif 32 - services.prefixlen > MOST_SERVICE_BITS:
        hint = f"Take a /{32 - MOST_SERVICE_BITS} or smaller."
        yield error("network.services_too_large", _SERVICES, f"{services} is too large for kubeadm.", hint=hint)
