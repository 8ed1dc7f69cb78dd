"""images/network: the images of the network plugin, before its pods need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog import runtimes
from clusters.catalog.plugins import images
from clusters.config.plugins import releases_of
from clusters.engine.artifacts import image
from clusters.engine.step import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


def wanted(document: Document) -> bool:
    """Whether the plugin has images: one that has releases runs in pods."""
    return bool(releases_of(document.network.plugin))


@step(
    "images/network",
    on="kubernetes",
    needs=runtimes.STEPS,
    when=wanted,
    timeout=1800,
    expected=30,
)
def network_images(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Load or pull the images of the network plugin"""
    for ref in images(cluster.document):
        archive = cluster.source.image(ref, machine.facts.arch, asker=machine)
        yield image(ref, archive, runtimes.runtime_of(cluster.document))
