"""What ends again and again: a unit of systemd, or a container. Nobody needs to wait for it to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.catalog.answers import object_of
from clusters.engine.wants import NoAnswer
from clusters.numbers import moment, whole_number
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.engine.machine import Machine

RESTARTS = 5
"""So many restarts by systemd during one wait are no start any more; with `RestartSec=5` that takes half a minute."""

ENDS = 3
"""So many times in a row a container has to end at once, with one exit code. kubelet starts it again after 0, 10, 20
and 40 s, so that takes about half a minute, too."""

AT_ONCE = 5.0
"""Seconds. What lives longer may have waited for something that comes later: an API server waits 20 s for its etcd."""

LOOK_EVERY = 3
"""Of so many looks at a container's state one asks for its ends: crictl is slow."""


def unit_ends(unit: str) -> Callable[[Machine], str]:
    """Says why a wait for the unit is in vain, or nothing; restarts count from the first time that it is asked."""
    before: list[int] = []

    def look(machine: Machine) -> str:
        shown = machine.ask(sh("systemctl show {} -p ActiveState -p NRestarts -p Result 2>/dev/null", unit)).stdout
        state = dict(line.partition("=")[::2] for line in shown.splitlines())
        if state.get("ActiveState") == "failed":
            why = f"systemd has given {unit} up ({state.get('Result') or 'failed'})"
            return f"{why}. Its log: {_last_line(machine, unit)}"
        restarts = whole_number(state.get("NRestarts", ""))
        if restarts is None:
            return ""
        # A restart by hand begins to count at 0 again.
        before[:] = [min([restarts, *before])]
        again = restarts - before[0]
        return (
            f"{unit} ended {again} times meanwhile. Its log: {_last_line(machine, unit)}" if again >= RESTARTS else ""
        )

    return look


def _last_line(machine: Machine, unit: str) -> str:
    """What the program itself wrote last; what systemd says of it is known already."""
    said = machine.ask(sh("journalctl _SYSTEMD_UNIT={} -n 1 -o cat --no-pager", f"{unit}.service"))
    return " ".join(said.last_lines(1)) or f"nothing; see journalctl -u {unit} on {machine.name}"


class ContainerEnds:
    """The ends of one container of a static pod during a wait. Those that were there before do not count."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._looks = 0
        self._known: set[str] | None = None
        self._codes: list[int] = []

    def look(self, machine: Machine) -> str:
        """Says why waiting for it is in vain, or nothing."""
        self._looks += 1
        if self._looks % LOOK_EVERY == 1:
            self._count(machine)
        if len(self._codes) < ENDS:
            return ""
        return f"{self._name} ended {len(self._codes)} times at once, with exit code {self._codes[-1]}"

    def _count(self, machine: Machine) -> None:
        newest = sh("crictl ps -a --state Exited --name {} -q | head -n 1", f"^{self._name}$")
        answer = machine.ask(sh('id=$({}) && [ -n "$id" ] && crictl inspect -o json $id', newest))
        try:
            status = object_of(answer, f"the container {self._name}").get("status") if answer.ok else None
        except NoAnswer:
            status = None
        end = _end_of(status) if isinstance(status, dict) else None
        if self._known is None:
            self._known = {end[0]} if end else set()
        elif end and end[0] not in self._known:
            self._known.add(end[0])
            _, code, lived = end
            same = [each for each in self._codes if each == code]
            self._codes = [*same, code] if lived < AT_ONCE else []


def _end_of(status: dict[str, Any]) -> tuple[str, int, float] | None:
    """The container's id, its exit code, and how many seconds it ran."""
    began, ended = (moment(str(status.get(key))) for key in ("startedAt", "finishedAt"))
    code = status.get("exitCode", 0)
    if began is None or ended is None or not isinstance(code, int) or not status.get("id"):
        return None
    return str(status["id"]), code, (ended - began).total_seconds()
