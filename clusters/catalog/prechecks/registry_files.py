"""registry.files_there: the certificates that registry.auths names lie on the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.runtimes.registries import accesses
from clusters.engine.check import error, precheck
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck(
    "registry.files_there",
    on="kubernetes",
    waivable=False,
    fix="Put the files there: paths in registry.auths are paths on the machines.",
)
def files_there(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Certificates of registries lie where the document says"""
    named = [
        path
        for access in accesses(cluster.document).values()
        for path in (access.ca, access.cert, access.key)
        if isinstance(path, str) and path
    ]
    if named:
        answer = machine.ask(sh("for f in {}; do [ -s $f ] || echo $f; done", words(named)))
        if missing := answer.stdout.split():
            yield error(f"{machine.name} has no {', '.join(missing)}.")
