"""How clients reach the API server when a control plane machine is down: load balancers, a file or folder each, found
by walking; record_of() returns the one that a document names."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from clusters.catalog.images import image_ref
from clusters.catalog.load_balancers.kind import LoadBalancerRecord
from clusters.config.load_balancers import load_balancer_of, names

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from clusters.config.schema import Document
    from clusters.engine.source import Source


def _records() -> dict[str, LoadBalancerRecord]:
    """The records `LOAD_BALANCER` of the modules of this folder, by name, in the order of the document's."""
    found: dict[str, LoadBalancerRecord] = {}
    for each in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{each.name}")
        if isinstance(record := getattr(module, "LOAD_BALANCER", None), LoadBalancerRecord):
            found[record.name] = record
    return {name: found[name] for name in names() if name in found}


RECORDS = _records()

BEFORE_INIT = tuple(step for record in RECORDS.values() for step in record.before_init)
BEFORE_JOIN = tuple(step for record in RECORDS.values() for step in record.before_join)
BEFORE_NODES = tuple(step for record in RECORDS.values() for step in record.before_nodes)
LAST = tuple(step for record in RECORDS.values() for step in record.last)
"""The steps that other steps wait for, of all load balancers; a plan contains those of the chosen one."""


def record_of(document: Document) -> LoadBalancerRecord:
    """The load balancer of the document; without one, a record that needs nothing."""
    return RECORDS.get(document.control_plane_endpoint.internal_loadbalancer) or LoadBalancerRecord("")


def images(document: Document, source: Source, roles: Collection[str]) -> tuple[str, ...]:
    """Its images on a machine with these roles, by their names there."""
    if not _runs_on(document, roles):
        return ()
    return tuple(image_ref(document, each) for each in record_of(document).images(source))


def commands(document: Document, roles: Collection[str]) -> Mapping[str, str]:
    """The commands that it needs on a machine with these roles: command -> package."""
    return record_of(document).commands if _runs_on(document, roles) else {}


def local_ports(document: Document, roles: Collection[str]) -> tuple[int, ...]:
    """The TCP ports on which it serves only the machine itself, on a machine with these roles."""
    return record_of(document).local_ports(document) if _runs_on(document, roles) else ()


def _runs_on(document: Document, roles: Collection[str]) -> bool:
    found = load_balancer_of(document)
    return found is not None and found.runs_on(roles)
