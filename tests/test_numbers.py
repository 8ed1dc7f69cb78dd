"""Whole numbers that a browser sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from clusters.numbers import whole_number

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client


def test_only_few_digits_are_a_number() -> None:
    assert (whole_number("7"), whole_number("0012"), whole_number("9" * 15)) == (7, 12, 10**15 - 1)
    assert [whole_number(text) for text in ("", "-1", "1.0", "٣", "²", "9" * 16, " 1")] == [None] * 7


@pytest.mark.django_db
def test_more_time_asked_for_with_thousands_of_digits_is_answered(client: Client, make_run: Any, alice: User) -> None:
    run = make_run(state="running")
    client.force_login(alice)
    given = {"step": "os/a", "host": "node1", "given": "9" * 5000}
    assert client.post(reverse("run-wait", args=[run.pk]), given).status_code == 302
