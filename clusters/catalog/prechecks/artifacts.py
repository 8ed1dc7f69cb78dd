"""artifact.source: every file that the installation puts on machines is there to be had."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from clusters.catalog.needed import files
from clusters.engine.check import error, precheck
from clusters.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

AT_ONCE = 8
WITHIN = 25.0
"""Seconds in which all answers have to be there; two attempts at a silent server take about 17."""

File = tuple[str, str, str, str]
"""Component, version, file, architecture."""


@precheck(
    "artifact.source",
    on="first-control-plane",
    fix="Choose a Kubernetes version that it has, complete it, or name another source in SLIPWAY_ARTIFACTS.",
)
def source(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Every file that is needed can be had from the artifact source"""
    readable = {each.name for each in cluster.readable()}
    try:
        wanted = {
            file
            for each in cluster.machines
            for file in files(
                cluster.document,
                cluster.source,
                each.name,
                each.facts.arch if each.name in readable else each.spec.arch,
            )
        }
    except SourceError as problem:
        yield error(problem.message, hint=problem.hint)
        return
    problems, late = _looked_for(cluster, sorted(wanted))
    machine.note(f"looked for {len(wanted)} files, {len(wanted) - len(problems) - len(late)} are there")
    yield from _told(problems)
    if late:
        names = ", ".join(file[2] for file in late)
        yield error(f"The artifact source did not say within {WITHIN:.0f} s whether it has {names}.")


def _looked_for(cluster: Cluster, wanted: list[File]) -> tuple[dict[File, SourceError], list[File]]:
    """What is wrong with which file, and of which nothing was heard in time."""
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="artifact")
    asked = {pool.submit(cluster.source.look_for, *file): file for file in wanted}
    try:
        done, late = wait(asked, timeout=WITHIN)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    problems: dict[File, SourceError] = {}
    for each in done:
        found = each.exception()
        if isinstance(found, SourceError):
            problems[asked[each]] = found
        elif found is not None:
            raise found
    return problems, [asked[each] for each in late]


def _told(problems: dict[File, SourceError]) -> Iterator[Finding]:
    """What has the same cause is told once, with the names of all files."""
    groups: dict[tuple[str, str], list[File]] = {}
    for file in sorted(problems):
        problem = problems[file]
        groups.setdefault((problem.hint, problem.message.partition(": ")[2]), []).append(file)
    for (hint, _), missing in groups.items():
        others = [file[2] for file in missing[1:]]
        rest = f" It is the same with {', '.join(others)}." if others else ""
        yield error(problems[missing[0]].message + rest, hint=hint)
