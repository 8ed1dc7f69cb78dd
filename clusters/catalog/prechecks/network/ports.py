"""net.ports_free, os.firewall: the ports of a machine's roles are free, and a firewall lets others reach them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog import load_balancers
from clusters.catalog.corefile import HEALTH_PORT as NODE_DNS_HEALTH
from clusters.catalog.kubeadm.dialect import merged, parsed
from clusters.catalog.networks.needs import needs_of
from clusters.catalog.paths import CLAIM
from clusters.config.component_settings.proxy_flags import as_configuration
from clusters.config.topology import api_port
from clusters.engine.check import error, precheck, warning
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


KUBELET_HEALTH = 10248
KUBE_PROXY_PORTS = {
    "healthzBindAddress": (10256, "kube-proxy's health check"),
    "metricsBindAddress": (10249, "kube-proxy's metrics"),
}
"""Key of kube-proxy's configuration -> its port where the document does not set the key."""

ROLE_PORTS = {"master": (10250, 10257, 10259), "worker": (10250,), "etcd": ()}

STATIC_ETCD_PORTS = {2379, 2380, 2381}
"""Clients, members and metrics of an etcd that kubeadm runs."""


@precheck("net.ports_free", fix="Stop what listens there, or move it to another port.")
def ports_free(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The ports of Kubernetes are free"""
    if machine.read(CLAIM) is not None:
        return
    purposes = local_ports(machine, cluster.document)
    taken = (role_ports(machine, cluster.document) | set(purposes)) & set(machine.facts.listening)
    if taken:
        named = [f"{port} ({purposes[port]})" if port in purposes else str(port) for port in sorted(taken)]
        yield error(f"On {machine.name} another process already listens on {', '.join(named)}.")


def role_ports(machine: Machine, document: Document) -> set[int]:
    """The TCP ports on which Kubernetes and etcd listen on a machine with these roles."""
    ports = {port for role in machine.roles for port in ROLE_PORTS[role]}
    if "master" in machine.roles:
        ports.add(api_port(document))
    if document.etcd.type == "kubeadm" and "master" in machine.roles:
        ports |= STATIC_ETCD_PORTS
    elif document.etcd.type == "kubekey" and "etcd" in machine.roles:
        ports |= {document.etcd.port, document.etcd.peer_port}
    return ports


def local_ports(machine: Machine, document: Document) -> dict[int, str]:
    """The TCP ports that only the machine itself uses, and what needs them."""
    if not {"master", "worker"} & set(machine.roles):
        return {}
    kubernetes, found = document.kubernetes, {}
    if not {"healthzPort"} & set(kubernetes.kubelet_configuration):
        found[KUBELET_HEALTH] = "kubelet's health check"
    if not kubernetes.disable_kube_proxy:
        given = merged(as_configuration(parsed(kubernetes.kube_proxy_args)), kubernetes.kube_proxy_configuration)
        found |= {port: purpose for key, (port, purpose) in KUBE_PROXY_PORTS.items() if key not in given}
    if kubernetes.nodelocaldns:
        found[NODE_DNS_HEALTH] = "the DNS cache of the nodes"
    return found | dict.fromkeys(load_balancers.local_ports(document, machine.roles), "the local load balancer")


@precheck("os.firewall", fix="Open these ports for the other machines and the pods' network, or turn it off.")
def firewall(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """No host firewall is active"""
    look = sh(
        "systemctl is-active --quiet firewalld 2>/dev/null && echo firewalld\n"
        "grep -qsi '^ENABLED=yes' /etc/ufw/ufw.conf && systemctl is-active --quiet ufw 2>/dev/null && echo ufw\nexit 0"
    )
    active = machine.ask(look).stdout.split()
    if not active:
        return
    needs = needs_of(cluster.document, machine.name)
    ports = [f"{port}/tcp" for port in sorted({*role_ports(machine, cluster.document), *needs.tcp})]
    ports += [f"{port}/udp" for port in sorted(needs.udp)]
    yield warning(
        f"{' and '.join(active)} is active on {machine.name}; Slipway does not change its rules. Other "
        f"machines connect to {', '.join(ports) or 'the ports of its pods'}."
    )
