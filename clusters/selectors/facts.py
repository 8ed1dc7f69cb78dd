"""What a run saw: the facts of its machines, and what its prechecks found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusters.models import Event
from clusters.selectors.progress import steps_of

if TYPE_CHECKING:
    from clusters.models import Run

# Stands for the machine's name while sentences are compared; no sentence has it.
PLACE = "\x00"
WEIGHTS = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Found:
    """One finding of a precheck as it was said of the first of `hosts`; of the others it says the same."""

    check: str
    severity: str
    message: str
    fix: str
    waived: bool
    hosts: list[str]


def run_facts(run: Run) -> list[tuple[str, dict[str, Any]]]:
    """(machine, facts) as this run last saw them, in the order of its plan."""
    rows = Event.objects.filter(run_id=run.pk, kind="observed").order_by("seq").values_list("host", "data")
    seen: dict[str, dict[str, Any]] = {}
    for host, data in rows:
        if data.get("topic") == "facts" and isinstance(data.get("values"), dict):
            seen[host] = data["values"]
    order = {host: place for place, host in enumerate(dict.fromkeys(step.host for step in steps_of(run)))}
    return sorted(seen.items(), key=lambda one: order.get(one[0], len(order)))


def run_findings(run: Run) -> list[Found]:
    """What the prechecks found, the worst first; what is said of several machines is said once."""
    rows = Event.objects.filter(run_id=run.pk, kind="finding").order_by("seq").values_list("host", "data")
    together: dict[tuple[Any, ...], list[str]] = {}
    for host, data in rows:
        message = str(data.get("message", "")).replace(host, PLACE) if host else str(data.get("message", ""))
        key = (data.get("check", ""), data.get("severity", "info"), message, data.get("fix", ""), data.get("waived"))
        hosts = together.setdefault(key, [])
        if host not in hosts:
            hosts.append(host)
    found = [
        Found(check, severity, _said(message, hosts), fix, bool(waived), hosts)
        for (check, severity, message, fix, waived), hosts in together.items()
    ]
    return sorted(found, key=lambda one: WEIGHTS.get(one.severity, 3))


def _said(message: str, hosts: list[str]) -> str:
    """The sentence as it was said of the first of them."""
    return message.replace(PLACE, hosts[0])
