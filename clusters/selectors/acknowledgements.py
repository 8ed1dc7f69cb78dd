"""The findings with which a run was started anyway: who waived or acknowledged which, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from clusters.models import Run

SEVERITIES = ("error", "warning")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One finding that did not stop the run. `at` is as it was stored; `named` when nobody had seen the text before.

    `by` is empty for a run from the terminal.
    """

    id: str
    text: str = field(repr=False)
    severity: str
    by: str
    at: str | datetime
    hosts: list[str] = field(default_factory=list)
    named: bool = False


def run_acknowledgements(run: Run) -> list[Acknowledgement]:
    """Errors first. Prechecks waived between two attempts, with a reason, are in `Run.accepted` and not among these."""
    found = [_acknowledgement(each) for each in run.acknowledged]
    known = {each.id for each in found} | {each["check"] for each in run.accepted}
    by = run.asked_by.get_username() if run.asked_by is not None else ""
    found += [
        Acknowledgement(id, "", "error", by, run.created_at, named=True)
        for id in run.waivers
        if id.partition("@")[0] not in known
    ]
    return sorted(found, key=lambda each: each.severity != "error")


def _acknowledgement(each: dict[str, Any]) -> Acknowledgement:
    severity = each.get("severity", "warning")
    return Acknowledgement(
        id=each["id"],
        text=each["text"],
        severity=severity if severity in SEVERITIES else "warning",
        by=each["by"],
        at=each["at"],
        hosts=list(each.get("hosts", ())),
    )
