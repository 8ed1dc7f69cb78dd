"""proxy.ok: kubeadm and kubectl reach the cluster's own addresses without a proxy."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from clusters.config.syntax import address_of, parts_of
from clusters.config.topology import first_service_address, members
from clusters.engine.check import precheck, warning
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck("proxy.ok", on="kubernetes", fix="Add them to no_proxy where the proxy is set (usually /etc/environment).")
def proxy(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """No proxy intercepts the cluster's traffic"""
    lines = machine.ask(sh("env | grep -iE '^(https|no)_proxy='; exit 0")).stdout.splitlines()
    environment = {name.lower(): value for name, _, value in (line.partition("=") for line in lines) if value}
    if not environment.get("https_proxy"):
        return
    proxied = [
        each
        for each in cluster_addresses(cluster.document)
        if not bypasses_proxy(each, environment.get("no_proxy", ""))
    ]
    if proxied:
        yield warning(
            f"Commands on {machine.name} use a proxy ({_without_login(environment['https_proxy'])}), even for "
            f"{', '.join(proxied)}: kubeadm and kubectl cannot reach the API server."
        )


def cluster_addresses(document: Document) -> tuple[str, ...]:
    """What kubeadm and kubectl connect to on a node: the endpoint, the control planes, the service `kubernetes`."""
    service = first_service_address((parts_of(document.network.kube_service_cidr) or ("",))[0])
    endpoint = document.control_plane_endpoint
    found = [endpoint.domain, endpoint.address, *(host.node_addresses[0] for host in members(document, "master"))]
    return tuple(dict.fromkeys(each for each in (*found, service) if each))


def bypasses_proxy(host: str, no_proxy: str) -> bool:
    """Whether Go programs connect to a host directly: by its name, a parent domain, its address or its network.

    Source: golang.org/x/net/http/httpproxy.
    """
    address = address_of(host)
    for word in (each.strip() for each in no_proxy.split(",")):
        if word == "*" or host == word.lstrip("."):
            return True
        if address is None and word and host.endswith("." + word.removeprefix("*").lstrip(".")):
            return True
        if address is not None and "/" in word and _inside(str(address), word):
            return True
    return False


def _inside(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _without_login(url: str) -> str:
    """Host and port, without a password."""
    return url.rpartition("@")[2].rpartition("//")[2].rstrip("/")
