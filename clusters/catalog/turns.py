"""Taking turns: work that could cost a cluster its majority or its API runs on one machine after the other."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.engine.wants import NotReached, Wanted
from clusters.errors import Cancelled, InstallerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.shell import Command


@dataclass(slots=True)
class _Turns:
    """The machines at work: `inside` is their number, `proven` is set after the first success, `failed` is the machine
    on which it failed.

    `interrupted` are machines whose turn ended with an error after which the engine may try again, such as a broken
    connection, with their step: the outcome there is unknown, so they keep their place and no other machine starts.
    """

    change: threading.Condition = field(default_factory=threading.Condition)
    inside: int = 0
    proven: bool = False
    failed: str = ""
    interrupted: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, at_once: int, seconds: float) -> bool | None:
        """Wait at most so long for a turn. None: not yet; False: never, because it failed on another machine."""

        def refused() -> bool:
            return self.failed not in ("", name)

        def has_room() -> bool:
            # The first machine works alone until it has succeeded.
            return not self.interrupted and self.inside < (at_once if self.proven else 1)

        with self.change:
            if self.interrupted.pop(name, None) is not None:
                return True
            if not self.change.wait_for(lambda: refused() or has_room(), seconds):
                return None
            if refused():
                return False
            self.inside += 1
            return True

    def give(self, name: str, *, good: bool) -> None:
        """The turn is over."""
        with self.change:
            self._end(name, good)

    def interrupt(self, name: str, step: str) -> None:
        """The turn is over for now; the machine may come back."""
        with self.change:
            self.interrupted[name] = step

    def close_ended(self, end_of: Callable[[str, str], bool | None]) -> None:
        """End the turns of interrupted machines whose step is over: they do not come back."""
        with self.change:
            for name, step in tuple(self.interrupted.items()):
                if (good := end_of(name, step)) is not None:
                    del self.interrupted[name]
                    self._end(name, good)

    def _end(self, name: str, good: bool) -> None:
        self.inside -= 1
        self.proven = self.proven or good
        if not good:
            self.failed = self.failed or name
        elif self.failed == name:
            self.failed = ""
        self.change.notify_all()


@contextmanager
def turn(machine: Machine, cluster: Cluster, subject: str, *, at_once: int = 1) -> Iterator[None]:
    """Inside, at most `at_once` machines work on this subject, and only one until the first has succeeded.

    After a failure on a machine it starts on no other in this run (Cancelled); that machine may try again. After an
    error that the engine may recover from, the others wait for the outcome.
    """
    turns = cluster.once(f"turn-{subject}", _Turns)
    while (mine := turns.take(machine.name, at_once, 0.2)) is None:
        machine.pause(0.01)
        turns.close_ended(cluster.end_of)
    if not mine:
        raise Cancelled(f"{subject.capitalize()} was not started here, because it failed on {turns.failed}.")
    try:
        yield
    except BaseException as error:
        if isinstance(error, InstallerError) and error.retryable:
            turns.interrupt(machine.name, machine.step)
        else:
            turns.give(machine.name, good=False)
        raise
    turns.give(machine.name, good=True)


def in_turn(
    want: Want,
    cluster: Cluster,
    subject: str,
    *,
    at_once: int = 1,
    running: Command | None = None,
    recovered: Want | None = None,
) -> Wanted:
    """The want, reached on one machine after the other; a turn ends only when its desired state was observed.

    Where `running` fails nothing runs that could be interrupted, so no turn is needed. `recovered` is reached after it
    in the same turn, if something was interrupted.
    """

    def act(machine: Machine) -> None:
        if running is not None and not machine.ask(running).ok:
            want.reach(machine)
            return
        with turn(machine, cluster, subject, at_once=at_once):
            for each in (want, recovered) if recovered is not None else (want,):
                each.reach(machine)
                after = each.seen(machine)
                if not after.so:
                    found = after.found or "the desired state was not reached"
                    raise NotReached(
                        f"Expected on {machine.name}: {each.what}. Found: {found}.", retryable=each is recovered
                    )

    return Wanted(want.what, want.seen, act, getattr(want, "files", ()))
