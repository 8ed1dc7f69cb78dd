"""@precheck: a condition that must hold on a machine before anything changes, with an id, a measurement and a fix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.config.finding import Finding, Severity
from clusters.engine.step import title_of
from clusters.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


PRECHECK = "precheck"
"""The phase of all prechecks; their paths in a plan begin with it."""


@dataclass(frozen=True, slots=True)
class Precheck:
    """`id` is what waivers name (`time.skew`); `waivable` is whether an error may be waived at all."""

    id: str
    title: str
    on: str
    body: Callable[[Machine, Cluster], Iterator[Finding]]
    fix: str = ""
    waivable: bool = True
    when: Callable[[Document], bool] | None = None


@dataclass(slots=True)
class Checks:
    """The declared prechecks. There is one set for the product (`CHECKS`); tests make their own."""

    checks: dict[str, Precheck] = field(default_factory=dict)

    def add(self, check: Precheck) -> None:
        """Add a precheck; a second one with the same id is an error in the catalog."""
        known = self.checks.get(check.id)
        if known is not None and known.body.__code__ is not check.body.__code__:
            raise PlanError(f"Two prechecks have the id {check.id}.", hint="Give one of them another id.")
        self.checks[check.id] = check


CHECKS = Checks()

FIRST = "access.facts"
"""The precheck that reads a machine. Where it fails, the others are skipped there: they would report the same."""


def precheck(
    id: str,
    *,
    on: str = "all",
    fix: str = "",
    waivable: bool = True,
    when: Callable[[Document], bool] | None = None,
    register: Checks = CHECKS,
) -> Callable[[Callable[[Machine, Cluster], Iterator[Finding]]], Callable[[Machine, Cluster], Iterator[Finding]]]:
    """Declare the decorated generator of findings as a precheck; it observes and never changes anything."""

    def declare(
        body: Callable[[Machine, Cluster], Iterator[Finding]],
    ) -> Callable[[Machine, Cluster], Iterator[Finding]]:
        register.add(Precheck(id, title_of(body, id), on, body, fix, waivable, when))
        return body

    return declare


def error(message: str, *, hint: str = "") -> Finding:
    """A finding that blocks the installation; state the measured value and the limit."""
    return Finding("", Severity.ERROR, message, hint)


def warning(message: str, *, hint: str = "") -> Finding:
    """A finding that is worth knowing but does not block."""
    return Finding("", Severity.WARNING, message, hint)


def waiver(id: str, host: str, severity: str) -> str:
    """The text that is stored when somebody waives a precheck's finding on one machine, and nothing else."""
    return f"{id}@{host}" if severity == Severity.ERROR else f"{id}@{host}:{severity}"


def is_waived(check: Precheck, host: str, severity: str, waivers: Collection[str]) -> bool:
    """Whether somebody has waived a precheck's finding on a machine.

    A waiver is `ID` (everywhere), `ID@HOST` (on that machine), or `ID@HOST:warning` (there, but not an error).
    """
    return check.waivable and not {check.id, f"{check.id}@{host}", waiver(check.id, host, severity)}.isdisjoint(waivers)
