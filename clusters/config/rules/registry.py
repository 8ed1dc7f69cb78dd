"""The decorator @rule, which registers a function as a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import overload

from clusters.config.finding import Finding
from clusters.config.schema import Document

Rule = Callable[[Document], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Registered:
    """A rule, and which of its findings may be waived: all, none, or those with these ids."""

    function: Rule
    waivable: bool | tuple[str, ...]

    def findings(self, document: Document) -> Iterator[Finding]:
        """The rule's findings, marked where they may be waived."""
        for finding in self.function(document):
            may = finding.id in self.waivable if isinstance(self.waivable, tuple) else self.waivable
            yield replace(finding, waivable=True) if may and finding.blocking else finding


_RULES: list[Registered] = []


@overload
def rule(function: Rule) -> Rule: ...


@overload
def rule(*, waivable: bool | tuple[str, ...]) -> Callable[[Rule], Rule]: ...


def rule(function: Rule | None = None, *, waivable: bool | tuple[str, ...] = False) -> Rule | Callable[[Rule], Rule]:
    """Register a function that yields findings. The first line of its docstring states what must hold.

    `waivable`: whether its errors (or those with these ids) may be waived. This is for problems that leave a cluster
    working but degraded, never for those that make an installation fail halfway or confuse one machine with another.
    """

    def register(each: Rule) -> Rule:
        _RULES.append(Registered(each, waivable))
        return each

    return register if function is None else register(function)


def registered() -> tuple[Registered, ...]:
    """All rules of the modules imported so far."""
    return tuple(_RULES)
