"""Members of an etcd that kubeadm runs, and taking out one that an interrupted joining has left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.kubectl import kubectl
from clusters.remote.shell import Command, Value, sh

if TYPE_CHECKING:
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

PKI = "/etc/kubernetes/pki/etcd"


def forget(machine: Machine, cluster: Cluster) -> None:
    """Take a machine's member out of etcd, if etcd has one; the machine itself was reset and has no data any more.

    kubeadm adds a member before it writes the pod that is to be it. A joining that was cut off between the two leaves a
    member nobody runs: it counts for the majority, and kubeadm cannot add it a second time.
    """
    first = cluster.first("master", machine)
    listed = first.ask(_etcdctl(first, "member list"))
    for member in listed.stdout.splitlines():
        number, *said = (part.strip() for part in member.split(","))
        if f"https://{machine.address}:2380" in said:
            machine.note(f"an earlier attempt left the etcd member {number}; taking it out")
            first.do(_etcdctl(first, "member remove {}", number))


def _etcdctl(first: Machine, arguments: str, *values: Value | Command) -> Command:
    """etcdctl inside the first control plane's etcd pod; nothing of it is on the machine itself."""
    login = "etcdctl --endpoints https://127.0.0.1:2379 --cacert {0}/ca.crt --cert {0}/healthcheck-client.crt"
    return kubectl(
        "exec -n kube-system {} -- {} --key {} {}",
        f"etcd-{first.name}",
        sh(login, PKI),
        f"{PKI}/healthcheck-client.key",
        sh(arguments, *values),
    )
