"""What a run observed: the facts of its machines, and the findings of its prechecks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusters.models import Event
from clusters.selectors.progress import steps_of

if TYPE_CHECKING:
    from clusters.models import Run

# Replaces the machine's name while messages are compared; no message contains it.
PLACE = "\x00"
WEIGHTS = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class PrecheckFinding:
    """One finding of a precheck, with the message for the first of `hosts`; the same applies to the others."""

    check: str
    severity: str
    message: str
    fix: str
    waived: bool
    hosts: list[str]


def run_facts(run: Run) -> list[tuple[str, dict[str, Any]]]:
    """(machine, facts) as this run last observed them, in the order of its plan."""
    rows = Event.objects.filter(run_id=run.pk, kind="observed").order_by("seq").values_list("host", "data")
    seen: dict[str, dict[str, Any]] = {}
    for host, data in rows:
        if data.get("topic") == "facts" and isinstance(data.get("values"), dict):
            seen[host] = data["values"]
    order = {host: place for place, host in enumerate(dict.fromkeys(step.host for step in steps_of(run)))}
    return sorted(seen.items(), key=lambda one: order.get(one[0], len(order)))


def run_findings(run: Run) -> list[PrecheckFinding]:
    """The findings of the prechecks, worst first; the same finding on several machines is listed once."""
    rows = Event.objects.filter(run_id=run.pk, kind="finding").order_by("seq").values_list("host", "data")
    together: dict[tuple[Any, ...], list[str]] = {}
    for host, data in rows:
        message = str(data.get("message", "")).replace(host, PLACE) if host else str(data.get("message", ""))
        key = (data.get("check", ""), data.get("severity", "info"), message, data.get("fix", ""), data.get("waived"))
        hosts = together.setdefault(key, [])
        if host not in hosts:
            hosts.append(host)
    found = [
        PrecheckFinding(check, severity, _with_name(message, hosts), fix, bool(waived), hosts)
        for (check, severity, message, fix, waived), hosts in together.items()
    ]
    return sorted(found, key=lambda one: WEIGHTS.get(one.severity, 3))


def _with_name(message: str, hosts: list[str]) -> str:
    """The message with the name of the first machine."""
    return message.replace(PLACE, hosts[0])
