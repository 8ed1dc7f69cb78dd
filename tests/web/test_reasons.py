"""The limits for reasons are defined in one place, and every field for a reason uses them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from clusters.services import LONGEST_REASON, SHORTEST_REASON
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client

    from clusters.models import Run

FIELD = re.compile(r'<input[^>]*\bname="reason"[^>]*>')


def test_every_field_for_a_reason_uses_these_limits() -> None:
    fields = [
        (str(path.relative_to(ROOT)), field)
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for field in FIELD.findall(path.read_text())
    ]
    assert len(fields) == 2
    assert [where for where, field in fields if "{% reason_length %}" not in field or "length=" in field] == []


@pytest.mark.django_db
def test_a_failed_precheck_can_be_waived_with_the_longest_reason(
    client: Client, alice: User, make_run: Callable[..., Run]
) -> None:
    run = make_run(state="failed", failures=[{"step": "precheck/hw.ram_role", "host": "node1", "found": "Too little."}])
    client.force_login(alice)
    (field,) = FIELD.findall(client.get(reverse("run", args=[run.pk])).content.decode())
    assert f'minlength="{SHORTEST_REASON}" maxlength="{LONGEST_REASON}"' in field
