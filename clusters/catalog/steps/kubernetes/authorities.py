"""The authorities and keys that all control planes of a cluster share, carried from the first to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.secret import Secret
from clusters.engine.wants import NotReached
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

PKI = "/etc/kubernetes/pki"
CERTIFICATES = ("ca.crt", "front-proxy-ca.crt", "sa.pub")
KEYS = ("ca.key", "front-proxy-ca.key", "sa.key")
"""What kubeadm expects on a joining control plane when no certificate key is used. Source: kubeadm's documentation,
"manual certificate distribution"."""


def share(machine: Machine, cluster: Cluster) -> None:
    """Put the shared files onto a machine that is about to join as a control plane.

    They go from machine to machine through our SSH connections; so there is no certificate key that could
    leak, and no encrypted copy of the keys is left in the cluster. Raises NotReached.
    """
    machine.note(f"copying the cluster's authorities from {cluster.members('master')[0].name}")
    machine.do(sh("install -d -m 0755 {}", PKI))
    for name, content in read(machine, cluster).items():
        machine.put(content.reveal().encode(), f"{PKI}/{name}", mode=0o600 if name in KEYS else 0o644)


def read(machine: Machine, cluster: Cluster) -> Mapping[str, Secret]:
    """Name -> content, from the first control plane, read once in a run."""

    def make() -> Mapping[str, Secret]:
        first = cluster.first("master", machine)
        found: dict[str, Secret] = {}
        for name in (*CERTIFICATES, *KEYS):
            content = first.read(f"{PKI}/{name}")
            if content is None:
                raise NotReached(
                    f"The first control plane, {first.name}, has no {PKI}/{name}.",
                    hint="Retry the run.",
                    retryable=True,
                )
            found[name] = Secret(content.decode())
            if name in KEYS:
                first.keep_secret(found[name])
        return found

    return cluster.once("kubernetes-authorities", make)
