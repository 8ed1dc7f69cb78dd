"""Taking turns: what may cost a cluster its majority or its answers is done on one machine after the other."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.engine.wants import NotReached, Wanted
from clusters.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.shell import Command


@dataclass(slots=True)
class _Turns:
    """Who is at it; `proven` once somebody came to a good end, `failed` is on which machine it went wrong."""

    change: threading.Condition = field(default_factory=threading.Condition)
    inside: int = 0
    proven: bool = False
    failed: str = ""

    def take(self, name: str, at_once: int, seconds: float) -> bool | None:
        """Wait at most so long for a turn. None: not yet; False: never, since it went wrong on another machine."""

        def refused() -> bool:
            return self.failed not in ("", name)

        with self.change:
            # The first machine is alone until it has come to a good end.
            if not self.change.wait_for(lambda: refused() or self.inside < (at_once if self.proven else 1), seconds):
                return None
            if refused():
                return False
            self.inside += 1
            return True

    def give(self, name: str, *, good: bool) -> None:
        """The turn is over."""
        with self.change:
            self.inside -= 1
            self.proven = self.proven or good
            if not good:
                self.failed = self.failed or name
            elif self.failed == name:
                self.failed = ""
            self.change.notify_all()


@contextmanager
def turn(machine: Machine, cluster: Cluster, subject: str, *, at_once: int = 1) -> Iterator[None]:
    """Inside, at most `at_once` machines are busy with this subject, and one alone until the first has succeeded.

    Once it went wrong on a machine it begins on no other in this run (Cancelled); that machine may try again.
    """
    turns = cluster.once(f"turn-{subject}", _Turns)
    while (mine := turns.take(machine.name, at_once, 0.2)) is None:
        machine.pause(0.01)
    if not mine:
        raise Cancelled(f"{subject.capitalize()} was not begun here, because it went wrong on {turns.failed}.")
    good = False
    try:
        yield
        good = True
    finally:
        turns.give(machine.name, good=good)


def in_turn(want: Want, cluster: Cluster, subject: str, *, at_once: int = 1, running: Command | None = None) -> Wanted:
    """The want, reached on one machine after the other; a turn ends when it was seen, and not before.

    Where `running` fails there is nothing to interrupt yet, and nobody has to wait for a turn.
    """

    def act(machine: Machine) -> None:
        if running is not None and not machine.ask(running).ok:
            want.reach(machine)
            return
        with turn(machine, cluster, subject, at_once=at_once):
            want.reach(machine)
            after = want.seen(machine)
            if not after.so:
                raise NotReached(f"Expected on {machine.name}: {want.what}. Found: {after.found or 'it is not so'}.")

    return Wanted(want.what, want.seen, act)
