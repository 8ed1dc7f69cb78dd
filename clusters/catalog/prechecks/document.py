"""document.files: the document contains the files that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.carried_files import paths_left
from clusters.engine.check import error, precheck
from clusters.places import command_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck(
    "document.files",
    on="first-control-plane",
    fix=f"Put the file's text there (PEM), or use `{command_line('cluster create -f FILE')}`, which reads files.",
    waivable=False,
)
def document_files(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The document contains the files that it needs"""
    for path in paths_left(cluster.document):
        yield error(f"{path} names a file on the machine that Slipway runs on; a run does not read files there.")
