"""@rule: how a function becomes a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from clusters.config.finding import Finding
from clusters.config.schema import Document

Rule = Callable[[Document], Iterator[Finding]]

_RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    """Register a function that yields findings. Its docstring's first line says what must hold."""
    _RULES.append(function)
    return function


def registered() -> tuple[Rule, ...]:
    """All rules of the modules imported so far."""
    return tuple(_RULES)
