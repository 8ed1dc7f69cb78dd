"""The authorities and keys that all control planes of a cluster share, copied from the first to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog import pki
from clusters.engine.wants import NotReached
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.config.schema import Document
    from clusters.config.secret import Secret
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

PKI = "/etc/kubernetes/pki"
CERTIFICATES = ("ca.crt", "front-proxy-ca.crt", "sa.pub")
KEYS = ("ca.key", "front-proxy-ca.key", "sa.key")
ETCD_CERTIFICATE, ETCD_KEY = "etcd/ca.crt", "etcd/ca.key"
"""The files that kubeadm expects on a joining control plane when no certificate key is used. Source: kubeadm's
documentation, "manual certificate distribution"; etcd's are among them when kubeadm runs it."""


def shared(document: Document) -> tuple[str, ...]:
    """The names of the files that control planes share."""
    etcd = (ETCD_CERTIFICATE, ETCD_KEY) if document.etcd.type == "kubeadm" else ()
    return (*CERTIFICATES, *KEYS, *etcd)


def share(machine: Machine, cluster: Cluster) -> None:
    """Copy the shared files to a machine that is about to join as a control plane.

    They go from machine to machine through Slipway's SSH connections, so that no certificate key can leak, and no
    encrypted copy of the keys is left in the cluster. Raises NotReached.
    """
    machine.note(f"copying the cluster's authorities from {cluster.members('master')[0].name}")
    machine.do(sh("install -d -m 0755 {0} {0}/etcd", PKI))
    for name, content in read(machine, cluster).items():
        machine.put(content.reveal().encode(), f"{PKI}/{name}", mode=0o600 if is_key(name) else 0o644)


def is_key(name: str) -> bool:
    """Whether a shared file is private."""
    return name in (*KEYS, ETCD_KEY)


def read(machine: Machine, cluster: Cluster) -> Mapping[str, Secret]:
    """Name -> content, from the first control plane, read once in a run."""

    def make() -> Mapping[str, Secret]:
        first = cluster.first("master", machine)
        found: dict[str, Secret] = {}
        for name in shared(cluster.document):
            content = first.read(f"{PKI}/{name}")
            if content is None:
                raise NotReached(
                    f"The first control plane, {first.name}, has no {PKI}/{name}.",
                    hint="Retry the run.",
                    retryable=True,
                )
            found[name] = pki.pem_text(content, f"{PKI}/{name} on {first.name}")
            if is_key(name):
                first.keep_secret(found[name])
        return found

    return cluster.once("kubernetes-authorities", make)
