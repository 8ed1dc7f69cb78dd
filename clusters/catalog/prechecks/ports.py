"""net.ports_free: the ports of the roles are free, or held by our own earlier run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.paths import CLAIM
from clusters.config.topology import api_port
from clusters.engine.check import error, precheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


PORTS = {"master": (10250, 10257, 10259), "worker": (10250,), "etcd": ()}

STATIC_ETCD = {2379, 2380, 2381}
"""Clients, members and metrics of an etcd that kubeadm runs."""


@precheck("net.ports_free", fix="Stop what listens there, or move it to another port.")
def ports_free(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The ports that Kubernetes needs are free"""
    if machine.read(CLAIM) is not None:
        return
    taken = sorted(wanted_ports(machine, cluster.document) & set(machine.facts.listening))
    if taken:
        yield error(f"On {machine.name} something listens on {', '.join(map(str, taken))} already.")


def wanted_ports(machine: Machine, document: Document) -> set[int]:
    """The TCP ports on which Kubernetes and etcd listen on a machine with these roles."""
    wanted = {port for role in machine.roles for port in PORTS[role]}
    if "master" in machine.roles:
        wanted.add(api_port(document))
    if document.etcd.type == "kubeadm" and "master" in machine.roles:
        wanted |= STATIC_ETCD
    elif document.etcd.type == "kubekey" and "etcd" in machine.roles:
        wanted |= {document.etcd.port, document.etcd.peer_port}
    return wanted
