"""proxy.ok: kubeadm and kubectl reach the cluster's own addresses without a proxy.

Slipway adds them to no_proxy of the commands that it runs (`clusters.remote.ssh`); this observes the result."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from clusters.config.direct import cluster_addresses
from clusters.config.syntax import address_of
from clusters.engine.check import precheck, warning
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
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
