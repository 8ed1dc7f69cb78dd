"""The title of a run's window and the tooltips of its timeline."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from clusters.selectors.timeline import Bar
from clusters.web.templatetags.ui import bar_times

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client

    from clusters.models import Run

BAR = Bar("os/a", "Prepare", "node1", "changed", 2.0, 163.0, 0, critical=False, waited_for=None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "title"),
    [
        ("running", "0 % · sample · Running · Slipway"),
        ("cancelling", "0 % · sample · Cancelling · Slipway"),
        ("succeeded", "✓ sample · Succeeded · Slipway"),
        ("failed", "✗ sample · Failed · Slipway"),
        ("cancelled", "sample · Cancelled · Slipway"),
    ],
)
def test_the_window_title_shows_progress_or_result(
    client: Client, alice: User, make_run: Callable[..., Run], state: str, title: str
) -> None:
    client.force_login(alice)
    page = client.get(reverse("run-header", args=[make_run(state=state).pk])).content.decode()
    assert [html.unescape(found) for found in re.findall(r'data-title="([^"]*)"', page)] == [title]


@pytest.mark.parametrize(
    ("bar", "words"),
    [
        (BAR, "Prepare · node1: 2 m 41 s"),
        (replace(BAR, host=""), "Prepare: 2 m 41 s"),
        (
            replace(BAR, slowest=("Clock", 9.0)),
            "Prepare · node1: 2 m 41 s; the slowest was “Clock” with 9 s",
        ),
        (
            replace(BAR, slowest=("Clock", 9.0), waited_for=("Packages", "node2")),
            "Prepare · node1: 2 m 41 s; the slowest was “Clock” with 9 s; waited for Packages on node2",
        ),
    ],
)
def test_a_timeline_bar_shows_its_duration_and_its_wait(bar: Bar, words: str) -> None:
    assert bar_times(bar) == words
