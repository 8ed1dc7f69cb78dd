"""kubernetes/join-control-plane: the other control planes, once the first one runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog import load_balancers
from clusters.catalog.endings import ContainerEnds
from clusters.catalog.kubectl import api_server_is_ready
from clusters.catalog.paths import INITIALISED
from clusters.catalog.steps.kubernetes.join import joined, kubelet_runs
from clusters.config.topology import api_port
from clusters.engine.step import step
from clusters.engine.wants import eventually, file, so_if

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


def takes_turns(document: Document) -> bool:
    """Whether control planes join one after the other: with kubeadm's etcd each join adds a member to it, and etcd
    accepts one at a time. Source: kubeadm's documentation on stacked control planes."""
    return document.etcd.type == "kubeadm"


@step(
    "kubernetes/join-control-plane",
    on="other-control-planes",
    needs=(
        "kubernetes/kubelet",
        "kubernetes/audit",
        "images/load",
        *load_balancers.BEFORE_JOIN,
        "etcd/clients",
        "etcd/external",
        "os/names",
        "os/swap",
        "os/packages",
    ),
    serial=takes_turns,
    needs_all=("kubernetes/control-plane", "kubernetes/etcd-members", *load_balancers.BEFORE_NODES),
    timeout=600,
    expected=35,
    uncut=True,
)
def join_control_plane(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Join the other control planes to the cluster"""
    yield joined(machine, cluster)
    yield kubelet_runs()
    ready = api_server_is_ready(machine.address, api_port(cluster.document))
    ends = ContainerEnds("kube-apiserver")
    yield eventually("its own API server is ready", so_if(ready), within=120, every=1, hopeless=ends.look)
    yield file(INITIALISED, f"{cluster.document.name}\n")
