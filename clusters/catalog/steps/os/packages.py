"""os/packages: the system tools that kubelet, kubeadm and kube-proxy call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.packages import Packages
from clusters.engine.step import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

TOOLS = {"conntrack": "conntrack", "socat": "socat", "iptables": "iptables", "ip": "iproute2", "mount": "mount"}
"""Command -> package; kubeadm's preflight checks the same commands."""


@step("os/packages", on="kubernetes", needs=("os/claim",), timeout=600, expected=1)
def packages(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Install the system tools that Kubernetes calls"""
    yield Packages(TOOLS)
