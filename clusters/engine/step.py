"""@step: declaring work, the register that importing the catalog fills, and the machines that a step runs on."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.config.topology import members
from clusters.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

TITLE_LENGTH = range(8, 73)


@dataclass(frozen=True, slots=True)
class Step:
    """A declared piece of work. `path` is `phase/name`; the title is the first line of the body's docstring.

    `needs` are steps that must be over on the same machine (if they apply there at all);
    `needs_all` are steps that must be over on every machine they apply to. `serial`: one machine
    at a time, always or for documents for which a function returns true. `timeout` is in seconds and
    for one machine; `expected` is the built-in estimate in seconds, used until there are measurements.
    `uncut`: a cancel waits for its end, because a half-done one would need manual repair. `when`
    returns whether a plan for this document includes the step.
    """

    path: str
    title: str
    on: str
    body: Callable[[Machine, Cluster], Iterator[Want]]
    needs: tuple[str, ...] = ()
    needs_all: tuple[str, ...] = ()
    serial: bool | Callable[[Document], bool] = False
    timeout: float = 300.0
    expected: float = 2.0
    uncut: bool = False
    when: Callable[[Document], bool] | None = None

    def is_serial(self, document: Document) -> bool:
        """Whether machines take turns in this step."""
        return self.serial(document) if callable(self.serial) else self.serial

    @property
    def phase(self) -> str:
        """The first part of the path."""
        return self.path.partition("/")[0]


@dataclass(slots=True)
class Register:
    """The steps that the catalog declares. The product has one register (`STEPS`); tests create their own."""

    steps: dict[str, Step] = field(default_factory=dict)

    def add(self, step: Step) -> None:
        """Add a step; a second one with the same path is an error in the catalog."""
        known = self.steps.get(step.path)
        if known is not None and known.body.__code__ is not step.body.__code__:
            raise PlanError(f"Two steps have the path {step.path}.", hint="Give one of them another path.")
        self.steps[step.path] = step


STEPS = Register()


def step(
    path: str,
    *,
    on: str,
    needs: tuple[str, ...] = (),
    needs_all: tuple[str, ...] = (),
    serial: bool | Callable[[Document], bool] = False,
    timeout: float = 300.0,
    expected: float = 2.0,
    uncut: bool = False,
    when: Callable[[Document], bool] | None = None,
    register: Register = STEPS,
) -> Callable[[Callable[[Machine, Cluster], Iterator[Want]]], Callable[[Machine, Cluster], Iterator[Want]]]:
    """Declare the decorated generator of wanted states as a step; see Step for the parameters."""

    def declare(body: Callable[[Machine, Cluster], Iterator[Want]]) -> Callable[[Machine, Cluster], Iterator[Want]]:
        register.add(
            Step(
                path=path,
                title=title_of(body, path),
                on=on,
                body=body,
                needs=needs,
                needs_all=needs_all,
                serial=serial,
                timeout=timeout,
                expected=expected,
                uncut=uncut,
                when=when,
            )
        )
        return body

    return declare


def title_of(body: Callable[..., object], path: str) -> str:
    """The sentence for people: the first line of the docstring, without its full stop."""
    title = (body.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    if len(title) not in TITLE_LENGTH:
        raise PlanError(f"{path} needs a docstring whose first line has 8 to 72 characters; found {title!r}.")
    return title


def discover(package: ModuleType) -> None:
    """Import every module below a package, so that what they declare is registered."""
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)


def machines_for(scope: str, document: Document, leaders: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The names of the machines in a scope, in the document's order.

    `all`: every machine that has a role; `etcd`, `control-plane`, `worker`: the role group; `etcd-member`: those on
    which etcd will run, managed by Slipway or by kubeadm;
    `kubernetes`: control planes and workers; `first-etcd`, `first-control-plane`: the group's leader (role group ->
    machine), or the first listed if it has none.
    """
    etcd = _led([host.name for host in members(document, "etcd")], (leaders or {}).get("etcd"))
    control = _led([host.name for host in members(document, "master")], (leaders or {}).get("master"))
    worker = [host.name for host in members(document, "worker")]
    chosen = {
        "all": [*etcd, *control, *worker],
        "etcd": etcd,
        "etcd-member": {"kubekey": etcd, "kubeadm": control}.get(document.etcd.type, []),
        "control-plane": control,
        "worker": worker,
        "kubernetes": [*control, *worker],
        "first-etcd": etcd[:1],
        "first-control-plane": control[:1],
        "other-control-planes": control[1:],
        "joining-worker": [name for name in worker if name not in control],
    }.get(scope)
    if chosen is None:
        raise PlanError(f"{scope!r} is not a scope of steps.", hint="machines_for lists the scopes.")
    wanted = set(chosen)
    return tuple(host.name for host in document.hosts if host.name in wanted)


def _led(names: list[str], leader: str | None) -> list[str]:
    """The names with the leader first."""
    return [leader, *(name for name in names if name != leader)] if leader in names else names
