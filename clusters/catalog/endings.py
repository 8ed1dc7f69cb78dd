"""Units of systemd and containers that exit again and again, so that waiting for them is pointless."""

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
"""After this many restarts by systemd during one wait the unit counts as failed; with `RestartSec=5` that takes half a
minute."""

ENDS = 3
"""After this many immediate exits in a row with the same code a container counts as failed. kubelet restarts it after
0, 10, 20 and 40 s, so that takes about half a minute, too."""

AT_ONCE = 5.0
"""Seconds. A container that runs longer may have waited for another one: an API server waits 20 s for its etcd."""

LOOK_EVERY = 3
"""Only one of this many checks asks for the container's exits: crictl is slow."""


def unit_ends(unit: str) -> Callable[[Machine], str]:
    """A function that returns why waiting for the unit is pointless, or nothing; it counts restarts from its first
    call."""
    before: list[int] = []

    def look(machine: Machine) -> str:
        output = machine.ask(sh("systemctl show {} -p ActiveState -p NRestarts -p Result 2>/dev/null", unit)).stdout
        state = dict(line.partition("=")[::2] for line in output.splitlines())
        if state.get("ActiveState") == "failed":
            why = f"systemd no longer restarts {unit} ({state.get('Result') or 'failed'})"
            return f"{why}. Its log: {_last_line(machine, unit)}"
        restarts = whole_number(state.get("NRestarts", ""))
        if restarts is None:
            return ""
        # A manual restart resets the counter to 0.
        before[:] = [min([restarts, *before])]
        again = restarts - before[0]
        return (
            f"{unit} exited {again} times while waiting. Its log: {_last_line(machine, unit)}"
            if again >= RESTARTS
            else ""
        )

    return look


def _last_line(machine: Machine, unit: str) -> str:
    """The last line that the program itself wrote, without systemd's own lines."""
    journal = machine.ask(sh("journalctl _SYSTEMD_UNIT={} -n 1 -o cat --no-pager", f"{unit}.service"))
    return " ".join(journal.last_lines(1)) or f"nothing; see journalctl -u {unit} on {machine.name}"


class ContainerEnds:
    """The exits of one container of a static pod during a wait. Earlier exits do not count."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._looks = 0
        self._known: set[str] | None = None
        self._codes: list[int] = []

    def look(self, machine: Machine) -> str:
        """Why waiting for it is pointless, or nothing."""
        self._looks += 1
        if self._looks % LOOK_EVERY == 1:
            self._count(machine)
        if len(self._codes) < ENDS:
            return ""
        return f"{self._name} exited {len(self._codes)} times right after its start, with code {self._codes[-1]}"

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
