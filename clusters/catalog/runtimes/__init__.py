"""Container runtimes, a file or folder each, found by walking; runtime_of() returns the one a document names."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from clusters.catalog.images import image_ref
from clusters.catalog.runtimes.kind import RuntimeRecord
from clusters.config.runtimes import names
from clusters.engine.artifacts import image
from clusters.errors import PlanError

if TYPE_CHECKING:
    from clusters.catalog.runtimes.kind import Runtime
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


def _records() -> dict[str, RuntimeRecord]:
    """The records `RUNTIME` of the modules of this folder, by name, in the order of lists for people."""
    found: dict[str, RuntimeRecord] = {}
    for each in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{each.name}")
        if isinstance(record := getattr(module, "RUNTIME", None), RuntimeRecord):
            found[record.name] = record
    return {name: found[name] for name in names() if name in found}


RECORDS = _records()

STEPS = tuple(step for record in RECORDS.values() for step in record.steps)
"""The steps after which a runtime can be used; a plan contains those of the chosen one."""

SERVICES = tuple(f"{step.rpartition('/')[2]}.service" for step in STEPS)
"""The services that these steps start, each of its step's name."""


def runtime_of(document: Document) -> Runtime:
    """The runtime that `kubernetes.containerManager` names. Raises PlanError for one that is not built."""
    record = RECORDS.get(document.kubernetes.container_manager)
    if record is None:
        raise PlanError(
            f"{document.kubernetes.container_manager!r} is not a supported container runtime.",
            hint=f"Choose one of: {', '.join(RECORDS)}.",
        )
    return record.runtime(document)


def image_there(machine: Machine, cluster: Cluster, ref: str) -> Want:
    """The image that its project publishes as `ref` is on the machine, under the name it has here (`image_ref`)."""
    here = image_ref(cluster.document, ref)
    archive = cluster.source.image(here, machine.facts.arch, asker=machine)
    return image(here, archive, runtime_of(cluster.document))
