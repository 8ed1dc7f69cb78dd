"""@rule: how a function becomes a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import overload

from clusters.config.finding import Finding
from clusters.config.schema import Document

Rule = Callable[[Document], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Registered:
    """A rule, and which of its findings somebody may answer for: all, none, or those with these ids."""

    function: Rule
    waivable: bool | tuple[str, ...]

    def findings(self, document: Document) -> Iterator[Finding]:
        """What the rule says, marked where it may be waived."""
        for finding in self.function(document):
            may = finding.id in self.waivable if isinstance(self.waivable, tuple) else self.waivable
            yield replace(finding, waivable=True) if may and finding.blocking else finding


_RULES: list[Registered] = []


@overload
def rule(function: Rule) -> Rule: ...


@overload
def rule(*, waivable: bool | tuple[str, ...]) -> Callable[[Rule], Rule]: ...


def rule(function: Rule | None = None, *, waivable: bool | tuple[str, ...] = False) -> Rule | Callable[[Rule], Rule]:
    """Register a function that yields findings. Its docstring's first line says what must hold.

    `waivable`: whether its errors (or those with these ids) may be waived. Only what leaves a cluster that works,
    though not well, may be: never what makes an installation fail halfway, or one machine answer for another.
    """

    def register(each: Rule) -> Rule:
        _RULES.append(Registered(each, waivable))
        return each

    return register if function is None else register(function)


def registered() -> tuple[Registered, ...]:
    """All rules of the modules imported so far."""
    return tuple(_RULES)
