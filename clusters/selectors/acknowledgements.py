"""What a run was started with although it was found: who answered for what, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from clusters.models import Run

SEVERITIES = ("error", "warning")


@dataclass(frozen=True, slots=True)
class Answered:
    """One finding that did not stop the run. `at` is as it was stored; `named` when nobody saw the sentence before.

    `by` is empty for whoever sat at the terminal.
    """

    id: str
    text: str = field(repr=False)
    severity: str
    by: str
    at: str | datetime
    hosts: list[str] = field(default_factory=list)
    named: bool = False


def run_answered(run: Run) -> list[Answered]:
    """Errors first. What was accepted between two attempts, with a reason, is `Run.accepted` and not among these."""
    found = [_said(each) for each in run.acknowledged]
    known = {each.id for each in found} | {each["check"] for each in run.accepted}
    by = run.asked_by.get_username() if run.asked_by is not None else ""
    found += [
        Answered(id, "", "error", by, run.created_at, named=True)
        for id in run.waivers
        if id.partition("@")[0] not in known
    ]
    return sorted(found, key=lambda each: each.severity != "error")


def _said(each: dict[str, Any]) -> Answered:
    severity = each.get("severity", "warning")
    return Answered(
        id=each["id"],
        text=each["text"],
        severity=severity if severity in SEVERITIES else "warning",
        by=each["by"],
        at=each["at"],
        hosts=list(each.get("hosts", ())),
    )
