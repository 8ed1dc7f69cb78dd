"""Container runtimes, one file each; runtime_of() returns the one a document names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.images import image_ref
from clusters.catalog.runtimes import containerd, crio, docker
from clusters.engine.artifacts import image
from clusters.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.catalog.runtimes.kind import Runtime
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

_MADE_BY: dict[str, Callable[[Document], Runtime]] = {
    module.MANAGER: module.runtime for module in (containerd, docker, crio)
}

STEPS = ("runtime/containerd", "runtime/docker", "runtime/cri-dockerd", "runtime/crio")
"""The steps after which a runtime can be used; a plan contains those of the chosen one."""


def runtime_of(document: Document) -> Runtime:
    """The runtime that `kubernetes.containerManager` names. Raises PlanError for one that is not built."""
    made = _MADE_BY.get(document.kubernetes.container_manager)
    if made is None:
        raise PlanError(
            f"{document.kubernetes.container_manager!r} is not a supported container runtime.",
            hint=f"Choose one of: {', '.join(_MADE_BY)}.",
        )
    return made(document)


def image_there(machine: Machine, cluster: Cluster, ref: str) -> Want:
    """The image that its project publishes as `ref` is on the machine, under the name it has here (`image_ref`)."""
    here = image_ref(cluster.document, ref)
    archive = cluster.source.image(here, machine.facts.arch, asker=machine)
    return image(here, archive, runtime_of(cluster.document))
