"""Task: what a run hands to whoever carries it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clusters.engine.deadline import nothing_granted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.config.schema import Document
    from clusters.engine.deadline import Granted
    from clusters.remote.auth.host_keys import KnownKeys


@dataclass(frozen=True, slots=True)
class Task:
    """What one run is to do: the frozen document, the recipe, accepted prechecks and host keys; `only` these steps.

    `granted` says how much longer than its timeout people let a step take. `from_terminal`: the run is carried out by
    the command of a person at the terminal of this server, not by a worker. `answers` are those to the recipe's
    questions. A `preview` only looks.
    """

    document: Document
    recipe: str
    waivers: tuple[str, ...]
    known: KnownKeys
    only: tuple[str, ...] = ()
    granted: Granted = nothing_granted
    from_terminal: bool = False
    answers: Mapping[str, Any] = field(default_factory=dict)
    preview: bool = False
