"""kubernetes/audit: the audit policy is on each control plane before its API server starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.kubeadm import audit as settings
from clusters.engine.step import step
from clusters.engine.wants import directory, file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


def wanted(document: Document) -> bool:
    """Whether the document asks for an audit log."""
    return document.kubernetes.audit.enabled


@step("kubernetes/audit", on="control-plane", needs=("os/claim",), when=wanted, expected=1)
def audit(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Configure the API server's audit log"""
    yield directory(settings.FOLDER, mode=0o700)
    yield directory(settings.LOGS, mode=0o700)
    yield file(settings.POLICY, settings.policy(cluster.document), mode=0o600)
