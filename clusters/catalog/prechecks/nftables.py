"""os.kernel_nftables: kube-proxy's mode nftables wants a newer kernel than Kubernetes does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.adapt import is_recent_for_nftables
from clusters.config.components.proxy_mode import mode_in
from clusters.engine.check import error, precheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


def chosen(document: Document) -> bool:
    """Whether the document has kube-proxy use nftables; where it leaves that open, only fit kernels get nftables."""
    said = mode_in(document)
    return said is not None and said.mode == "nftables" and not document.kubernetes.disable_kube_proxy


@precheck(
    "os.kernel_nftables",
    on="kubernetes",
    when=chosen,
    fix="Upgrade the kernel, or choose kube-proxy's mode iptables.",
)
def kernel_nftables(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel is new enough for kube-proxy's nftables"""
    if not is_recent_for_nftables(machine.facts.kernel):
        yield error(f"{machine.name} has kernel {machine.facts.kernel}; kube-proxy with nftables wants 5.13 or newer.")
