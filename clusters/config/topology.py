"""Who is what: role groups with ranges expanded, the endpoint's address, the names in the API server's certificate."""

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
"""Machines in one range; more is a slip of the finger. Kubernetes itself ends at 5,000 nodes."""

GROUPS = ("etcd", "master", "worker")
"""The groups in the order they are shown. `control-plane` is read as `master`."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """What one entry of a role group stands for; `problem` says in words why it stands for nothing."""

    names: tuple[str, ...]
    problem: str = ""


def expand(item: str) -> Expansion:
    """The names of an entry: itself, or with `node[1:3]` node1, node2, node3 (both ends belong to it, no zeros)."""
    if "[" not in item and "]" not in item:
        return Expansion((item,))
    match = _RANGE.fullmatch(item)
    if match is None:
        return Expansion((), "a range is written like node[1:3], with nothing after the bracket")
    first, last = int(match[2]), int(match[3])
    if first > last:
        return Expansion((), f"the range starts at {first} and ends at {last}; the smaller number comes first")
    if last - first >= LONGEST_RANGE:
        return Expansion((), f"the range names {last - first + 1} machines; at most {LONGEST_RANGE} are allowed")
    return Expansion(tuple(f"{match[1]}{number}" for number in range(first, last + 1)))


def range_size(item: str) -> int:
    """How many names an entry stands for, without naming them."""
    match = _RANGE.fullmatch(item)
    count = int(match[3]) - int(match[2]) + 1 if match else 1
    return count if 0 < count <= LONGEST_RANGE else 1


def entries(document: Document, group: str) -> tuple[str, ...]:
    """The entries of a group as written. `master` and `control-plane` both mean the two keys together."""
    groups = document.role_groups
    if group in ("master", "control-plane"):
        return groups.master + groups.control_plane
    if group in ("etcd", "worker", "registry"):
        known: tuple[str, ...] = getattr(groups, group)
        return known
    extra = (groups.model_extra or {}).get(group)
    return tuple(item for item in extra if isinstance(item, str)) if isinstance(extra, list | tuple) else ()


def names(document: Document, group: str) -> tuple[str, ...]:
    """The names in a group in their order, once each, ranges expanded, whether or not such a machine exists."""
    return tuple(dict.fromkeys(name for item in entries(document, group) for name in expand(item).names if name))


def members(document: Document, group: str) -> tuple[Host, ...]:
    """The machines of a group in the group's order; names without a machine are left out (a rule reports them).

    Groups are `etcd`, `master` (also called `control-plane`), `worker` and any other key of `roleGroups`;
    `kubernetes` is every control plane and worker machine, `all` every machine with one of the three roles.
    """
    by_name = {host.name: host for host in reversed(document.hosts)}
    if group == "kubernetes":
        wanted = dict.fromkeys(names(document, "master") + names(document, "worker"))
    elif group == "all":
        wanted = dict.fromkeys(name for each in ("master", "worker", "etcd") for name in names(document, each))
    else:
        wanted = dict.fromkeys(names(document, group))
    return tuple(by_name[name] for name in wanted if name in by_name)


def roles(document: Document, host_name: str) -> tuple[str, ...]:
    """The groups a machine is in, of `etcd`, `master`, `worker`, in that order. For many machines: `all_roles`."""
    return tuple(group for group in GROUPS if host_name in names(document, group))


def all_roles(document: Document) -> dict[str, tuple[str, ...]]:
    """The roles of every machine in the document by name, machines without a role included."""
    found: dict[str, list[str]] = {host.name: [] for host in document.hosts}
    for group in GROUPS:
        for name in names(document, group):
            if name in found:
                found[name].append(group)
    return {name: tuple(groups) for name, groups in found.items()}


def endpoint_address(document: Document) -> str:
    """Where the endpoint's name leads: its address, or the first control plane's; empty when there is none.

    127.0.0.1 counts as not given, as in KubeKey.
    """
    address = document.control_plane_endpoint.address
    if address and address != "127.0.0.1":
        return address
    masters = members(document, "master")
    return masters[0].first_address if masters else ""


def load_balancer(document: Document) -> str:
    """How clients get past a dead control plane machine.

    `haproxy`, `keepalived`, `kube-vip`; `external` for an address that is no machine's; `dns` for a name that
    somebody's DNS resolves; `none` when the endpoint is one control plane machine.
    """
    endpoint = document.control_plane_endpoint
    if endpoint.internal_loadbalancer:
        return endpoint.internal_loadbalancer
    if endpoint.external_dns:
        return "dns"
    own = {address for host in members(document, "master") for address in (host.address, *host.node_addresses)}
    return "none" if not endpoint.address or endpoint.address in own | {"127.0.0.1"} else "external"


EXTERNAL_API_PORT = 6443
"""Where API servers listen behind a load balancer that is not ours; as in KubeKey, whatever port it has itself."""


def api_port(document: Document) -> int:
    """The port the API servers themselves listen on: the endpoint's, unless somebody else's balancer is between."""
    if load_balancer(document) in ("external", "dns"):
        return EXTERNAL_API_PORT
    return document.control_plane_endpoint.port


NODE_DNS_ADDRESS = "169.254.25.10"
"""Where pods find the DNS cache of their own node (`nodelocaldns`); link-local, the same on all. KubeKey's address."""


def is_dual_stack(document: Document) -> bool:
    """Whether pods and services have an IPv4 and an IPv6 network."""
    return len(parts_of(document.network.kube_pods_cidr)) > 1


def first_service_address(cidr: str) -> str:
    """The address of the service `kubernetes`: the first of the service CIDR. Empty when it is no CIDR."""
    return _nth_address(cidr, 1)


def dns_service_address(cidr: str) -> str:
    """The address of the cluster's DNS service: the tenth of the service CIDR, as kubeadm has it."""
    return _nth_address(cidr, 10)


def _nth_address(cidr: str, offset: int) -> str:
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return ""
    return str(network[offset]) if network.num_addresses > offset else ""


def api_server_sans(document: Document) -> tuple[str, ...]:
    """Names and addresses the API server's certificate is valid for, in a stable order, once each.

    Source: KubeKey 3.x. It lists every machine; here only control plane machines are listed, since only they
    answer as the API server, and a certificate naming a thousand machines is longer than TLS clients accept.
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
    """A sentence on how many etcd members may be lost: a majority has to stay."""
    if etcd_count <= 0:
        return "Without an etcd member there is no cluster."
    lost = (etcd_count - 1) // 2
    counted = "1 etcd member" if etcd_count == 1 else f"{etcd_count} etcd members"
    if not lost:
        return (
            f"{counted}: losing any of them stops the cluster."
            if etcd_count > 1
            else (f"{counted}: losing it stops the cluster, and without a backup its state is gone.")
        )
    members_lost = "1 member is" if lost == 1 else f"{lost} members are"
    sentence = f"{counted}: the cluster goes on while {members_lost} lost."
    return sentence if etcd_count % 2 else f"{sentence} {etcd_count - 1} members tolerate just as much."
