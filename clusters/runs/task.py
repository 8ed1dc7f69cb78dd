"""Task: what the function that executes a run needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clusters.engine.deadline import nothing_granted
from clusters.engine.identity import UNKNOWN, Identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.config.schema import Document
    from clusters.engine.deadline import Granted
    from clusters.remote.auth.host_keys import KnownKeys


@dataclass(frozen=True, slots=True)
class Task:
    """What one run must do: the frozen document, the recipe, waived prechecks and host keys; `only` these steps.

    `granted` returns how much longer than its timeout a step may take. `from_terminal`: a person's command at this
    server's terminal executes the run, not a worker. `answers` are the answers to the recipe's questions. A `preview`
    changes nothing. `identity` is that of the cluster.
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
    identity: Identity = UNKNOWN
