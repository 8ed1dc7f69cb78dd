"""The results of the newest inspection: findings grouped over machines, most severe first, and its progress."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clusters.models import Inspection
from clusters.services import counts, may_be_waived, precheck_key
from clusters.services.waivers import PRECHECK
from clusters.wizard.prechecks.reachability_matrix import table_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.models import Cluster
    from clusters.wizard.prechecks.reachability_matrix import Table

_WEIGHT = {"error": 0, "warning": 1, "info": 2}
_GOOD = "same"
_PENDING = ("waiting", "running")
_ENDED = ("same", "warning", "failed")


@dataclass(slots=True)
class Group:
    """One check's findings of one severity. `messages` are machine and message of each, `fixes` the distinct fixes.

    `broke`: the check could not be carried out, which cannot be waived. `waiver` is the acknowledgement.
    """

    check: str
    title: str
    severity: str
    broke: bool
    waivable: bool
    waiver: dict[str, Any] | None
    messages: list[tuple[str, str]] = field(default_factory=list)
    fixes: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The key of its acknowledgement."""
        return precheck_key(self.check, self.severity)

    @property
    def hosts(self) -> list[str]:
        """The machines, once each."""
        return list(dict.fromkeys(host for host, _message in self.messages))

    @property
    def acknowledged(self) -> bool:
        """Whether it is acknowledged for each of these machines."""
        return self.waiver is not None and set(self.hosts) <= set(self.waiver["hosts"])

    @property
    def left(self) -> list[str]:
        """The machines that an existing acknowledgement does not cover."""
        return [host for host in self.hosts if self.waiver is not None and host not in self.waiver["hosts"]]


@dataclass(slots=True)
class Check:
    """A check that found nothing, or was not carried out, with its machines."""

    check: str
    title: str
    hosts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class OneMachine:
    """The number of a machine's checks by result."""

    host: str
    passed: int = 0
    errors: int = 0
    warnings: int = 0
    pending: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """An inspection for the page.

    `idle` are acknowledgements of findings that no longer occur, `stale`: the draft changed since. `over` (ended),
    `good` (nothing found) and `total` count checks on machines.
    """

    row: Inspection
    stale: bool
    groups: list[Group]
    passed: list[Check]
    missing: list[Check]
    machines: list[OneMachine]
    idle: list[dict[str, Any]]
    over: int
    good: int
    total: int

    @property
    def blocking(self) -> list[Group]:
        """Errors that are not waived: a run would stop at them."""
        return [group for group in self.groups if group.severity == "error" and not group.acknowledged]

    @property
    def warnings(self) -> list[Group]:
        """Warnings that are not acknowledged."""
        return [group for group in self.groups if group.severity == "warning" and not group.acknowledged]

    @property
    def acknowledged(self) -> list[Group]:
        """Waived errors and acknowledged warnings."""
        return [group for group in self.groups if group.acknowledged]

    @property
    def missing_results(self) -> int:
        """How many checks on machines were not carried out."""
        return sum(len(check.hosts) for check in self.missing)

    @property
    def state(self) -> str:
        """One of `ui.STATES`."""
        if self.row.active:
            return self.row.state
        if self.row.state == "failed":
            return "failed"
        if self.stale:
            return "stale"
        return "failed" if self.blocking else "warning" if self.warnings or self.missing else "ok"

    @property
    def reach(self) -> Table | None:
        """The reachability table; None before the first result."""
        return table_of(self.row.results)

    @property
    def wanting(self) -> int:
        """The number of findings that need attention, of the kind that `state` shows."""
        return {"failed": len(self.blocking), "warning": len(self.warnings)}.get(self.state, 0)


def inspection_of(cluster: Cluster) -> Seen | None:
    """The newest inspection of a draft; None when there is none."""
    row = Inspection.objects.filter(cluster=cluster).first()
    return None if row is None else seen(cluster, row)


def seen(cluster: Cluster, row: Inspection) -> Seen:
    """An inspection, prepared for the page."""
    given = {each["key"]: each for each in cluster.waivers if each["key"].startswith(PRECHECK) and counts(each)}
    groups = _groups(row.results, given)
    shown = {group.key for group in groups if group.waivable}
    states = Counter(result["state"] for result in row.results)
    return Seen(
        row=row,
        stale=row.version != cluster.version,
        groups=sorted(groups, key=lambda group: (_WEIGHT.get(group.severity, 3), group.check)),
        passed=_checks(result for result in row.results if result["state"] == _GOOD and not result["found"]),
        missing=_checks([] if row.active else _not_carried_out(row)),
        machines=_machines(row.results, active=row.active),
        idle=[each for key, each in given.items() if key not in shown],
        over=sum(count for state, count in states.items() if state not in _PENDING),
        good=sum(result["state"] == _GOOD and not result["found"] for result in row.results),
        total=sum(states.values()),
    )


def rail_state(cluster: Cluster) -> tuple[str, int]:
    """State and count for the rail; results may be long, so they are loaded only if still valid."""
    row = Inspection.objects.filter(cluster=cluster).defer("results").first()
    if row is None or (row.version != cluster.version and not row.active):
        return "untested", 0
    if row.active:
        return "running", 0
    found = seen(cluster, row)
    return found.state, found.wanting


def _groups(results: list[dict[str, Any]], given: dict[str, dict[str, Any]]) -> list[Group]:
    groups: dict[tuple[str, str, bool], Group] = {}
    for result in results:
        for found in result["found"]:
            check, severity, broke = result["check"], found["severity"], bool(found.get("broke"))
            group = groups.get((check, severity, broke))
            if group is None:
                waivable = not broke and severity in ("error", "warning") and may_be_waived(check)
                waiver = given.get(precheck_key(check, severity)) if waivable else None
                group = Group(check, result["title"], severity, broke, waivable, waiver)
                groups[check, severity, broke] = group
            group.messages.append((result["host"], found["message"]))
            if found["fix"] and found["fix"] not in group.fixes:
                group.fixes.append(found["fix"])
    return list(groups.values())


def _not_carried_out(row: Inspection) -> list[dict[str, Any]]:
    return [result for result in row.results if result["state"] not in _ENDED]


def _checks(results: Iterable[dict[str, Any]]) -> list[Check]:
    found: dict[str, Check] = {}
    for result in results:
        found.setdefault(result["check"], Check(result["check"], result["title"])).hosts.append(result["host"])
    return sorted(found.values(), key=lambda check: check.check)


def _machines(results: list[dict[str, Any]], *, active: bool) -> list[OneMachine]:
    found: dict[str, OneMachine] = {}
    for result in results:
        machine = found.setdefault(result["host"], OneMachine(result["host"]))
        severities = {each["severity"] for each in result["found"]}
        if active and result["state"] in _PENDING:
            machine.pending += 1
        elif "error" in severities:
            machine.errors += 1
        elif "warning" in severities:
            machine.warnings += 1
        elif result["state"] in _ENDED:
            machine.passed += 1
        else:
            machine.missing += 1
    return list(found.values())
