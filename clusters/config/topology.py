"""The cluster's topology: members of role groups, the endpoint's address, and the names in the API certificate."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.config.syntax import parts_of

if TYPE_CHECKING:
    from clusters.config.schema import Document, Host

_RANGE = re.compile(r"([^\[\]:]*)\[(\d{1,9}):(\d{1,9})\]")
LONGEST_RANGE = 10_000
"""Machines in one range; more is a typing error. Kubernetes supports at most 5,000 nodes."""

GROUPS = ("etcd", "master", "worker")
"""The groups in display order. `control-plane` is read as `master`."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """The names that an entry of a role group expands to; `problem` is the error of an invalid entry."""

    names: tuple[str, ...]
    problem: str = ""


def expand(item: str) -> Expansion:
    """The names of an entry: itself, or for `node[1:3]` node1, node2, node3 (both ends included, no zero padding)."""
    if "[" not in item and "]" not in item:
        return Expansion((item,))
    match = _RANGE.fullmatch(item)
    if match is None:
        return Expansion((), "write a range like node[1:3], without text after the bracket")
    first, last = int(match[2]), int(match[3])
    if first > last:
        return Expansion((), f"the range starts at {first} and ends at {last}; the smaller number must come first")
    if last - first >= LONGEST_RANGE:
        return Expansion((), f"the range has {last - first + 1} machines; at most {LONGEST_RANGE} are allowed")
    return Expansion(tuple(f"{match[1]}{number}" for number in range(first, last + 1)))


def range_size(item: str) -> int:
    """The number of names in an entry, without expanding it."""
    match = _RANGE.fullmatch(item)
    count = int(match[3]) - int(match[2]) + 1 if match else 1
    return count if 0 < count <= LONGEST_RANGE else 1


def entries(document: Document, group: str) -> tuple[str, ...]:
    """The unexpanded entries of a group. `master` and `control-plane` both mean the two keys together."""
    groups = document.role_groups
    if group in ("master", "control-plane"):
        return groups.master + groups.control_plane
    if group in ("etcd", "worker", "registry"):
        known: tuple[str, ...] = getattr(groups, group)
        return known
    extra = (groups.model_extra or {}).get(group)
    return tuple(item for item in extra if isinstance(item, str)) if isinstance(extra, list | tuple) else ()


def names(document: Document, group: str) -> tuple[str, ...]:
    """The names in a group, in order, without duplicates, ranges expanded, even if no such machine exists."""
    return tuple(dict.fromkeys(name for item in entries(document, group) for name in expand(item).names if name))


def without_machine(document: Document, group: str) -> tuple[str, ...]:
    """The entries of a group that name no machine, in order: single names, and ranges that cannot be expanded."""
    hosts = {host.name for host in document.hosts if host.name}
    return tuple(
        dict.fromkeys(
            name
            for item in entries(document, group)
            for name in (expand(item).names or (item,))
            if name and name not in hosts
        )
    )


def members(document: Document, group: str) -> tuple[Host, ...]:
    """The machines of a group in the group's order; names without a machine are omitted (a rule reports them).

    Groups are `etcd`, `master` (also called `control-plane`), `worker` and any other key of `roleGroups`;
    `kubernetes` is every control plane and worker machine, `all` every machine with one of the three roles.
    Without workers, the control planes are the members of `worker`.
    """
    by_name = {host.name: host for host in reversed(document.hosts)}
    if group == "kubernetes":
        wanted = dict.fromkeys(names(document, "master") + names(document, "worker"))
    elif group == "worker":
        wanted = dict.fromkeys(_pod_machines(document))
    elif group == "all":
        wanted = dict.fromkeys(name for each in ("master", "worker", "etcd") for name in names(document, each))
    else:
        wanted = dict.fromkeys(names(document, group))
    return tuple(by_name[name] for name in wanted if name in by_name)


def _pod_machines(document: Document) -> tuple[str, ...]:
    """The names of the machines that run pods: the workers or, if the group is empty, the control planes."""
    return names(document, "worker" if entries(document, "worker") else "master")


def _with_role(document: Document, group: str) -> tuple[str, ...]:
    return _pod_machines(document) if group == "worker" else names(document, group)


def roles(document: Document, host_name: str) -> tuple[str, ...]:
    """The machine's roles out of `etcd`, `master`, `worker`, in this order; without workers, a control plane is one.

    For many machines, use `all_roles`.
    """
    return tuple(group for group in GROUPS if host_name in _with_role(document, group))


def all_roles(document: Document) -> dict[str, tuple[str, ...]]:
    """The roles of every machine in the document by name, including machines without a role."""
    found: dict[str, list[str]] = {host.name: [] for host in document.hosts}
    for group in GROUPS:
        for name in _with_role(document, group):
            if name in found:
                found[name].append(group)
    return {name: tuple(groups) for name, groups in found.items()}


def endpoint_address(document: Document) -> str:
    """The address behind the endpoint's name: its own, or the first control plane's; empty when there is none.

    127.0.0.1 counts as not set, as in KubeKey.
    """
    address = document.control_plane_endpoint.address
    if address and address != "127.0.0.1":
        return address
    masters = members(document, "master")
    return masters[0].first_address if masters else ""


def load_balancer(document: Document) -> str:
    """How clients reach the API server when a control plane machine fails.

    The name of the internal load balancer; `external` for an address that belongs to no machine; `dns` for a name that
    an external DNS resolves; `none` when the endpoint is one control plane machine.
    """
    endpoint = document.control_plane_endpoint
    if endpoint.internal_loadbalancer:
        return endpoint.internal_loadbalancer
    if endpoint.external_dns:
        return "dns"
    own = {address for host in members(document, "master") for address in (host.address, *host.node_addresses)}
    return "none" if not endpoint.address or endpoint.address in own | {"127.0.0.1"} else "external"


EXTERNAL_API_PORT = 6443
"""The port of API servers behind an external load balancer, independent of the balancer's port, as in KubeKey."""


def api_port(document: Document) -> int:
    """The port on which the API servers listen: the endpoint's, unless an external load balancer is in front."""
    if load_balancer(document) in ("external", "dns"):
        return EXTERNAL_API_PORT
    return document.control_plane_endpoint.port


NODE_DNS_ADDRESS = "169.254.25.10"
"""The address of each node's DNS cache (`nodelocaldns`); link-local, equal on all nodes. KubeKey's address."""


def is_dual_stack(document: Document) -> bool:
    """Whether pods and services have an IPv4 and an IPv6 network."""
    return len(parts_of(document.network.kube_pods_cidr)) > 1


def first_service_address(cidr: str) -> str:
    """The address of the service `kubernetes`: the first of the service CIDR. Empty when it is not a CIDR."""
    return _nth_address(cidr, 1)


def dns_service_address(cidr: str) -> str:
    """The address of the cluster's DNS service: the tenth of the service CIDR, as in kubeadm."""
    return _nth_address(cidr, 10)


def _nth_address(cidr: str, offset: int) -> str:
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return ""
    return str(network[offset]) if network.num_addresses > offset else ""


def api_server_sans(document: Document) -> tuple[str, ...]:
    """Names and addresses in the API server's certificate, in a stable order, without duplicates.

    Source: KubeKey 3.x. KubeKey lists every machine; Slipway lists only control plane machines, because only they
    run an API server, and TLS clients do not accept a certificate with a thousand machines.
    """
    domain = document.kubernetes.dns_domain
    found = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{domain}"]
    found += ["localhost", "127.0.0.1", document.control_plane_endpoint.domain, endpoint_address(document)]
    for host in members(document, "master"):
        found += [host.name, f"{host.name}.{domain}", host.address, *host.node_addresses]
    found += [first_service_address(each) for each in parts_of(document.network.kube_service_cidr)]
    found += document.kubernetes.apiserver_cert_extra_sans
    return tuple(dict.fromkeys(name for name in found if name))


def tolerates(etcd_count: int) -> str:
    """A sentence about how many etcd members may fail: a majority must remain."""
    if etcd_count <= 0:
        return "A cluster needs at least one etcd member."
    lost = (etcd_count - 1) // 2
    counted = "1 etcd member" if etcd_count == 1 else f"{etcd_count} etcd members"
    if not lost:
        return (
            f"{counted}: losing any one of them stops the cluster."
            if etcd_count > 1
            else (f"{counted}: losing it stops the cluster, and without a backup its state is lost.")
        )
    members_lost = "1 member" if lost == 1 else f"{lost} members"
    sentence = f"{counted}: the cluster survives the loss of {members_lost}."
    return sentence if etcd_count % 2 else f"{sentence} {etcd_count - 1} members tolerate just as many failures."
