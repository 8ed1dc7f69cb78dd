"""artifact.*: the artifact source has every file that machines need, in releases that fit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from clusters.catalog.fitting import fit_of
from clusters.catalog.needed import files, parts
from clusters.engine.check import error, precheck, warning
from clusters.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


PARALLEL_LOOKUPS = 8
LOOKUP_SECONDS = 25.0
"""Seconds for all answers; two attempts at a silent server take about 17."""

File = tuple[str, str, str, str]
"""Component, version, file, architecture."""


@precheck(
    "artifact.source",
    on="first-control-plane",
    fix="Choose a Kubernetes version that it has, add the files, or set another source in SLIPWAY_ARTIFACTS.",
)
def artifact_source(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The artifact source has every required file"""
    readable = {each.name for each in cluster.readable()}
    try:
        required = {
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
    problems, late = _look_up(cluster, sorted(required))
    machine.note(f"looked up {len(required)} files; {len(required) - len(problems) - len(late)} are available")
    yield from _by_cause(problems)
    if late:
        names = ", ".join(file[2] for file in late)
        yield error(f"The artifact source did not answer within {LOOKUP_SECONDS:.0f} s whether it has {names}.")


@precheck(
    "artifact.fit",
    on="first-control-plane",
    fix="Add the releases that are named to the bundle, or choose a Kubernetes version that fits those it has.",
)
def artifact_fit(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The versions in the artifact source are tested with this Kubernetes"""
    version = cluster.document.kubernetes.version
    for component in parts(cluster.document):
        try:
            found = cluster.source.version_of(component, version)
        except SourceError:
            # artifact.source reports what is missing or refused.
            continue
        if doubt := fit_of(component, found, version).doubt:
            yield warning(f"The artifact source brings {component} {found}: {doubt}.")


def _look_up(cluster: Cluster, required: list[File]) -> tuple[dict[File, SourceError], list[File]]:
    """The errors by file, and the files without an answer in time."""
    pool = ThreadPoolExecutor(PARALLEL_LOOKUPS, thread_name_prefix="artifact")
    lookups = {pool.submit(cluster.source.look_for, *file): file for file in required}
    try:
        done, late = wait(lookups, timeout=LOOKUP_SECONDS)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    problems: dict[File, SourceError] = {}
    for each in done:
        found = each.exception()
        if isinstance(found, SourceError):
            problems[lookups[each]] = found
        elif found is not None:
            raise found
    return problems, [lookups[each] for each in late]


def _by_cause(problems: dict[File, SourceError]) -> Iterator[Finding]:
    """One finding for each cause, with the names of all its files."""
    groups: dict[tuple[str, str], list[File]] = {}
    for file in sorted(problems):
        problem = problems[file]
        groups.setdefault((problem.hint, problem.message.partition(": ")[2]), []).append(file)
    for (hint, _), missing in groups.items():
        others = [file[2] for file in missing[1:]]
        rest = f" The same applies to {', '.join(others)}." if others else ""
        yield error(problems[missing[0]].message + rest, hint=hint)
