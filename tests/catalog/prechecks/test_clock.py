"""Clocks that differ, or that no time server keeps, are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.engine.check import CHECKS
from tests.catalog.prechecks.findings import Case, expect_measured, found
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "case",
    [
        ("time.skew", "node3", {"clock_skew": 41.2}, "error", "41.2 s ahead of the median (limit 30 s)"),
    ],
)
def test_a_bad_machine_is_reported_with_what_was_measured(
    case: Case, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_measured(case, archive, monkeypatch)


@pytest.mark.parametrize(
    ("skews", "words"),
    [
        ((41.2, 41.0, 40.9), "41.0 s ahead of this server's (limit 30 s)"),
        ((-3600, -3600, 0), "3600.0 s behind"),
        ((41, 0, 0), ""),
    ],
)
def test_clocks_that_agree_with_each_other_and_not_with_this_servers_are_told(
    skews: tuple[float, ...], words: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {f"node{place}": {"clock_skew": float(skew)} for place, skew in enumerate(skews, start=1)}
    cluster, _, _ = pretend(monkeypatch, archive, **facts)
    findings = found("time.vs_installer", cluster)
    assert [words in each.message for each in findings] == ([True] if words else [])


@pytest.mark.parametrize(
    ("timedatectl_output", "facts", "warnings"),
    [
        ("NTPSynchronized=no\n", {}, 1),
        ("NTPSynchronized=yes\n", {}, 0),
        ("     NTP enabled: yes\nNTP synchronized: no\n", {}, 1),
        ("System clock synchronized: yes\n", {}, 0),
        ("", {}, 0),
        ("NTPSynchronized=no\n", {"container": True}, 0),
    ],
)
def test_a_clock_that_nobody_keeps_is_a_warning(
    timedatectl_output: str, facts: dict[str, Any], warnings: int, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, node2=facts)
    hosts["node2"].answer("timedatectl", timedatectl_output)
    assert len(found("time.ntp_active", cluster, "node2")) == warnings
    when = CHECKS.checks["time.ntp_active"].when
    assert when is not None and when(seed()) and not when(seed(system={"ntpServers": ["pool.ntp.org"]}))
