"""Internal load balancers in the document: one file with a record for each; found by walking the package."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from clusters.config.rules.registry import Rule
    from clusters.config.schema import Document

DEFAULT = "haproxy"
"""The load balancer of the wizard's layouts with several control planes."""


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """The properties of an internal load balancer.

    `name` is its value in `spec.controlPlaneEndpoint.internalLoadbalancer`; `title` and `help` are its name and its
    description in the wizard, `place` its position there (in tens, so that there is room between two). A `virtual` one
    runs on the control planes, which share the endpoint's address; any other runs on each worker, on the loopback, and
    needs no address. `in_pods`: it runs in pods, and not as a service. `dialects` are those whose KubeKey supports it.
    `section` is the type of its options, `key` their name in `spec.controlPlaneEndpoint`. `v4_section` is the section
    of its address in KubeKey 4's control plane endpoint, and another word for it there; `v4_options` are those of its
    options that this section has. `rules` check the options. One that is not `built` is refused.
    """

    name: str
    title: str
    help: str
    place: int
    virtual: bool
    in_pods: bool = False
    dialects: tuple[str, ...] = ()
    section: type[Any] | None = None
    key: str = ""
    v4_section: str = ""
    v4_options: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    built: bool = True

    def runs_on(self, roles: Collection[str]) -> bool:
        """Whether it runs on a machine with these roles."""
        return "master" in roles if self.virtual else "worker" in roles and "master" not in roles


@cache
def load_balancers() -> tuple[LoadBalancer, ...]:
    """All of them, by the alphabet."""
    found = [
        importlib.import_module(f"{__name__}.{each.name}").LOAD_BALANCER for each in pkgutil.iter_modules(__path__)
    ]
    return tuple(sorted(found, key=lambda each: each.name))


def names() -> tuple[str, ...]:
    """Their values in the document."""
    return tuple(each.name for each in load_balancers())


def virtual_names() -> tuple[str, ...]:
    """The values of those with a virtual address."""
    return tuple(each.name for each in load_balancers() if each.virtual)


def names_in(dialect: str) -> tuple[str, ...]:
    """The values of those that the KubeKey of this dialect supports."""
    return tuple(each.name for each in load_balancers() if dialect in each.dialects)


def load_balancer_of(document: Document) -> LoadBalancer | None:
    """The one that the document names; None for no or an unknown name."""
    name = document.control_plane_endpoint.internal_loadbalancer
    return next((each for each in load_balancers() if each.name == name), None)


def has_virtual_address(document: Document) -> bool:
    """Whether the control planes share a virtual address."""
    found = load_balancer_of(document)
    return found is not None and found.virtual


def has_proxies(document: Document) -> bool:
    """Whether each worker reaches the API servers through its own proxy."""
    found = load_balancer_of(document)
    return found is not None and not found.virtual


def listed(words: tuple[str, ...], conjunction: str) -> str:
    """`a, b and c`, with this conjunction; `nothing` without words."""
    *others, last = words or ("nothing",)
    return f"{', '.join(others)} {conjunction} {last}" if others else last
