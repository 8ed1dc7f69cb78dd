"""The event kinds: everything that a run can report, as frozen dataclasses, and the sink that accepts them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from clusters.config.secret import Secret


class State(StrEnum):
    """The state of a step on a machine. In a dry run it `WOULD` change something, or that is `UNFORESEEN`."""

    WAITING = "waiting"
    RUNNING = "running"
    SAME = "same"
    CHANGED = "changed"
    WARNING = "warning"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    WOULD = "would"
    UNFORESEEN = "unforeseen"

    @property
    def over(self) -> bool:
        """Whether this attempt has ended."""
        return self not in (State.WAITING, State.RUNNING)

    @property
    def good(self) -> bool:
        """Whether later steps may start."""
        return self not in (State.WAITING, State.RUNNING, State.FAILED, State.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event contains: a time (seconds since the epoch), and its machine and step, if it has one."""

    kind: ClassVar[str] = ""
    at: float = field(default_factory=time.time)
    host: str = ""
    step: str = ""

    def data(self) -> dict[str, Any]:
        """The fields of this kind, without time, machine and step; plain JSON types."""
        # The slots of a kind are its own fields; those of Event are beside them.
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMade(Event):
    """The plan is complete. Each row of `steps`, in reading order: {"path", "title", "phase", "hosts": [names],
    "expected" and "timeout" in seconds}, and what it waits for: {"needs": [paths], "needs_all": [paths], "serial",
    "gate"}; a gate is a precheck: all steps wait for it.
    """

    kind: ClassVar[str] = "plan"
    steps: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepChanged(Event):
    """A step on a machine changed its state. `same` and `changed` count its wanted states by result."""

    kind: ClassVar[str] = "step"
    state: str = State.WAITING
    seconds: float = 0.0
    message: str = ""
    same: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended(Event):
    """Somebody granted a running step on a machine this many more seconds."""

    kind: ClassVar[str] = "extended"
    seconds: float = 0.0
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncut(Event):
    """A part of a step that a cancel does not interrupt began on a machine, or is `over`; `what` is what it does."""

    kind: ClassVar[str] = "uncut"
    what: str = ""
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WantSeen(Event):
    """One wanted state was observed: `state` is same, changed or failed; would or unforeseen in a dry run, which also
    contains what was `found` instead."""

    kind: ClassVar[str] = "want"
    what: str = ""
    state: str = State.SAME
    found: str = ""
    diff: str = field(default="", repr=False)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Event):
    """One line that a machine printed ("out", "err"), or a note of Slipway itself ("note")."""

    kind: ClassVar[str] = "output"
    stream: str = "out"
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFound(Event):
    """A precheck's finding; severity is error, warning or info; `waived` when somebody accepted it before."""

    kind: ClassVar[str] = "finding"
    check: str = ""
    severity: str = "info"
    message: str = ""
    fix: str = ""
    waived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """Why a step failed: what was expected, what was found, the last lines, and what to try."""

    kind: ClassVar[str] = "failure"
    expected: str = ""
    found: str = ""
    lines: list[str] = field(default_factory=list, repr=False)
    hint: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed(Event):
    """Something read from a machine or the cluster: `topic` is "facts" or "nodes", `values` plain JSON."""

    kind: ClassVar[str] = "observed"
    topic: str = ""
    values: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Event):
    """Something for the person, such as the admin kubeconfig. The sink stores it encrypted, never as an event."""

    kind: ClassVar[str] = "delivered"
    name: str = ""
    content: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretMade(Event):
    """A secret created during the run (a join token). The sink masks it from now on and does not store it."""

    kind: ClassVar[str] = "secret"
    content: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChanged(Event):
    """The run itself started, was taken over, is being cancelled, or ended; `message` is for people."""

    kind: ClassVar[str] = "run"
    state: str = ""
    message: str = ""


class Sink(Protocol):
    """Accepts events in the order in which they are emitted, from any thread, without blocking for long."""

    def emit(self, event: Event) -> None:
        """Accept one event."""
        ...
