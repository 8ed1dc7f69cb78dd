"""What is reached without a proxy: the cluster's own addresses, networks and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.addresses import read_address
from clusters.config.syntax import parts_of
from clusters.config.topology import first_service_address, members

if TYPE_CHECKING:
    from clusters.config.schema import Document

LOCAL = ("localhost", "127.0.0.0/8", "::1")


def cluster_addresses(document: Document) -> tuple[str, ...]:
    """What kubeadm and kubectl connect to on a node: the endpoint, the control planes, the service `kubernetes`."""
    service = first_service_address((parts_of(document.network.kube_service_cidr) or ("",))[0])
    endpoint = document.control_plane_endpoint
    found = [endpoint.domain, endpoint.address, *(host.node_addresses[0] for host in members(document, "master"))]
    return tuple(dict.fromkeys(each for each in (*found, service) if each))


def direct_addresses(document: Document) -> tuple[str, ...]:
    """The words of `no_proxy` for programs of a cluster's machines. Source of their form: Go's httpproxy."""
    network = document.network
    etcd = [address for host in members(document, "etcd") for address in host.node_addresses]
    masters = [address for host in members(document, "master") for address in host.node_addresses]
    networks = [*parts_of(network.kube_pods_cidr), *parts_of(network.kube_service_cidr)]
    registry = read_address(f"//{document.registry.private_registry}")
    private = registry.host if registry is not None else ""
    names = [f".{document.kubernetes.dns_domain}", ".svc"]
    found = (*LOCAL, *cluster_addresses(document), *masters, *etcd, *networks, *names, private)
    return tuple(dict.fromkeys(each for each in found if each and not set(each) & set(", \t\n\"'%\\")))
