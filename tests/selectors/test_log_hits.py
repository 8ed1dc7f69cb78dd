"""The number of hits in a log, and the position of one of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from clusters.selectors import log_hits, needle
from tests.web.lines import add, fill, numbered

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

    from clusters.models import Run

LONG = 60.0
"""Seconds within which even a busy machine counts a thousand lines."""


@pytest.fixture
def log(make_run: Callable[..., Run]) -> Run:
    """A thousand lines from two machines, with a needle in each hundred."""
    run = make_run(state="running")
    for part in range(10):
        add(run, [*numbered(part * 100 + 1, part * 100 + 99), "a Needle"], host=f"node{part % 2}")
    run.refresh_from_db()
    return run


@pytest.mark.parametrize("pattern", [False, True])
def test_hits_are_counted_and_the_place_of_one_among_them(log: Run, pattern: bool) -> None:
    found = log_hits(log, line=300, search=needle("needle", pattern=pattern), seconds=LONG)
    assert (found.count, found.all, found.place) == (10, True, 3)
    assert log_hits(log, line=300, search="needle", host="node0", seconds=LONG).place == 2
    assert log_hits(log, search="needle", seconds=LONG).place is None
    assert log_hits(log, search="nowhere", line=5, seconds=LONG).place == 0


def test_new_lines_are_counted_separately(log: Run) -> None:
    add(log, ["needle", "hay", "needle"])
    sought: Any = {"after_line": 1_000, "search": "needle", "seconds": LONG}
    assert log_hits(log, **sought).count == 0, "not before the run was read again"
    log.refresh_from_db()
    assert log_hits(log, **sought).count == 2


def test_counting_frequent_hits_stops_after_a_time_limit(make_run: Callable[..., Run]) -> None:
    run = make_run(state="running")
    fill(run, 60_000, "line %d", "needle")
    run.refresh_from_db()
    found = log_hits(run, line=50, search="line", seconds=0.0)
    assert 64 <= found.count < 60_000
    assert (found.all, found.place) == (False, 50)
    assert log_hits(run, line=59_999, search="line", seconds=0.0).place is None
    began = time.monotonic()
    assert not log_hits(run, search=needle("(x+x+)+y|line", pattern=True), seconds=0.05).all
    assert time.monotonic() - began < 60


def test_the_page_gets_hits_or_an_error_message(client: Client, alice: User, log: Run, settings: Settings) -> None:
    settings.SLIPWAY_COUNT_SECONDS = LONG
    client.force_login(alice)
    address = reverse("run-log-hits", args=[log.pk])
    assert client.get(address, {"search": "NEEDLE", "line": "201", "host": "node1"}).json() == {
        "count": 5, "all": True, "place": 1, "last_line": 1_000}  # fmt: skip
    assert client.get(address, {"search": "needle", "line": "x"}).status_code == 400
    refused = client.get(address, {"search": "needle (", "regex": "yes"})
    assert (refused.status_code, b"Invalid regular expression" in refused.content) == (400, True)


def test_lines_without_a_match_are_included_with_all(client: Client, alice: User, log: Run) -> None:
    client.force_login(alice)
    address = reverse("run-log", args=[log.pk])
    for regex, marks in (("", []), ("yes", [["Needle"]])):
        asked = {"search": "needle", "regex": regex, "all": "yes", "around": "300", "limit": "4"}
        rows = client.get(address, asked).json()["lines"]
        assert [row[0] for row in rows] == [298, 299, 300, 301]
        assert rows[2][6:] == marks
        assert [row[6:] for row in rows if row[0] != 300] == [[[]] if regex else []] * 3
