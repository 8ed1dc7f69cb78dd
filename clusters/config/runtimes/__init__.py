"""Container runtimes as the document knows them: one file for each, which declares a record; found by walking."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache

Version = tuple[int, int, int]

DEFAULT = "containerd"
"""The runtime of new documents, and of those that name none."""


@dataclass(frozen=True, slots=True)
class ContainerRuntime:
    """What a container runtime is to the document.

    `name` is its word in `spec.kubernetes.containerManager`, `place` its place in lists. A runtime that is not `built`
    is refused. `cri_v1` is the first release that speaks CRI v1, `without_v1alpha2` the first without v1alpha2; None
    where the kubelet talks to another program, or where nothing is known. `tested` is the oldest release that its
    project names for Kubernetes 1.`tested_since` and newer. `kata` and `nvidia`: whether it can start
    containers with Kata's runtime and with NVIDIA's.
    """

    name: str
    place: int
    built: bool = True
    cri_v1: Version | None = None
    without_v1alpha2: Version | None = None
    tested: Version | None = None
    tested_since: int = 0
    kata: bool = False
    nvidia: bool = False


@cache
def runtimes() -> tuple[ContainerRuntime, ...]:
    """All of them, in the order of lists for people."""
    found = [importlib.import_module(f"{__name__}.{each.name}").RUNTIME for each in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda each: each.place))


def names() -> tuple[str, ...]:
    """Their words in the document."""
    return tuple(each.name for each in runtimes())


def runtime_called(name: str) -> ContainerRuntime | None:
    """The runtime of that name; None where there is none."""
    return next((each for each in runtimes() if each.name == name), None)
