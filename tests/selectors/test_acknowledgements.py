"""The findings that did not stop a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.selectors import run_acknowledgements

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.models import Run

WARNING = {
    "key": "host.no_role:1",
    "id": "host.no_role",
    "text": "spare has no role.",
    "by": "alice",
    "at": "2026-01-02",
}
CHECK = {
    "key": "precheck:hw.ram_role:error", "id": "hw.ram_role", "severity": "error", "hosts": ["node1"],
    "text": "node1 has 512 MB.", "by": "bob", "at": "2026-01-03",
}  # fmt: skip


def test_errors_come_first_with_user_and_time(make_run: Callable[..., Run]) -> None:
    run = make_run(acknowledged=[WARNING, CHECK], waivers=["host.no_role", "hw.ram_role@node1"])
    assert [(each.id, each.severity, each.by, each.hosts) for each in run_acknowledgements(run)] == [
        ("hw.ram_role", "error", "bob", ["node1"]),
        ("host.no_role", "warning", "alice", []),
    ]


def test_findings_that_were_only_named_are_listed_once(make_run: Callable[..., Run]) -> None:
    accepted = [{"check": "time.skew", "reason": "It is a lab.", "by": "alice", "at": "2026-01-02"}]
    run = make_run(acknowledged=[CHECK], accepted=accepted, waivers=["hw.ram_role@node1", "os.swap_off", "time.skew"])
    assert [(each.id, each.named, each.by) for each in run_acknowledgements(run)] == [
        ("hw.ram_role", False, "bob"),
        ("os.swap_off", True, "alice"),
    ]
    run.asked_by = None
    assert run_acknowledgements(run)[1].by == ""
