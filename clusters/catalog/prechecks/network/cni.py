"""net.foreign_cni: no other network for pods is set up on a machine that is not a node yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.claimed import of_a_cluster
from clusters.catalog.paths import KUBELET_CONF
from clusters.catalog.plugins import plugin_of
from clusters.catalog.prechecks.network.routes import cluster_interfaces
from clusters.engine.check import error, precheck
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

OF_CONTAINERS = "cni-podman"
"""Interfaces of Podman, which begin like those of clusters."""
MOST_FILES = 10
"""Files that a finding names."""


def slipway_makes_it(document: Document) -> bool:
    """Whether Slipway makes the pods' network; else yours may be there already."""
    return not plugin_of(document).is_yours


@precheck("net.foreign_cni", on="kubernetes", when=slipway_makes_it)
def foreign_cni(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """No other software has set up a network for pods"""
    if not machine.ask(of_a_cluster()).ok:
        files = machine.ask(_CONFIGURATIONS).stdout.split("\n")
        if names := [each for each in files if each][:MOST_FILES]:
            yield error(
                f"{machine.name} has {', '.join(names)}, which Slipway did not create. The container runtime uses the "
                "first file there, so pods would start in that network until the cluster's own is ready.",
                hint=f"If nothing else needs them: {sh('rm {}', names[0]).text}"
                + ("" if len(names) == 1 else ", and so on for the others"),
            )
    # A bridge without its node is left over; it keeps an address that the node's new network does not have.
    if machine.ask(sh("[ -s {} ]", KUBELET_CONF)).ok:
        return
    for each in machine.facts.addresses:
        if each.interface.startswith(cluster_interfaces()) and not each.interface.startswith(OF_CONTAINERS):
            yield error(
                f"{machine.name} is not a node, but has the interface {each.interface} with the address {each.ip}, "
                "left by a cluster: the address of this cluster's network would differ.",
                hint=f"If nothing else needs it: {sh('ip link delete {}', each.interface).text}",
            )


_CONFIGURATIONS = sh(
    "for f in /etc/cni/net.d/*.conf /etc/cni/net.d/*.conflist /etc/cni/net.d/*.json; do "
    '[ -s "$f" ] || continue; case $f in *loopback*) ;; *) echo "$f" ;; esac; done'
)
"""The files that a container runtime reads, in no particular order. The loopback interface carries no pods."""
