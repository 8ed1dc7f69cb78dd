"""Pages forbid external scripts and files, and framing; docs/security.md names existing tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from tests.processes import ROOT
from tests.regressions.addresses import addresses

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from clusters.models import Run

INLINE = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")|\son[a-z]+=\"|javascript:", re.I)
ELSEWHERE = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"(?:https?:)?//", re.I)


@pytest.mark.thorough
@pytest.mark.django_db
def test_no_page_runs_or_loads_what_is_not_slipways_own(make_run: Callable[..., Run], alice: User) -> None:
    run = make_run(state="succeeded", started_at=timezone.now(), finished_at=timezone.now())
    person, looked_at = Client(), 0
    person.force_login(alice)
    for name, address in {**addresses(run), "list": "/"}.items():
        answer = person.get(address)
        if answer.streaming or "text/html" not in answer.get("Content-Type", ""):
            continue
        looked_at += 1
        policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; ") if " " in part)
        assert policy["default-src"] in ("'self'", "'none'"), name
        assert not re.search(r"unsafe-|https?:|\*", policy.get("script-src", policy["default-src"])), name
        assert policy["frame-ancestors"] == "'none'" or answer["X-Frame-Options"] == "DENY", name
        text = answer.content.decode()
        assert INLINE.search(text) is None, name
        assert ELSEWHERE.search(text) is None, name
    assert looked_at > 15


def test_cookies_are_out_of_reach_of_scripts_and_other_sites() -> None:
    assert settings.SESSION_COOKIE_HTTPONLY
    assert {settings.SESSION_COOKIE_SAMESITE, settings.CSRF_COOKIE_SAMESITE} <= {"Lax", "Strict"}


def test_each_row_of_what_is_promised_names_a_test_that_there_is() -> None:
    rows = [line for line in (ROOT / "docs/security.md").read_text().splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 40
    for row in rows:
        tests = re.findall(r"`(tests/[\w/]+\.py)`", row.rpartition(" | ")[2])
        assert tests, row[:60]
        assert [each for each in tests if not (ROOT / each).is_file()] == [], row[:60]
    named = set(re.findall(r"tests/security/test_\w+\.py", "\n".join(rows)))
    there = {f"tests/security/{path.name}" for path in (ROOT / "tests/security").glob("test_*.py")}
    assert there - named == set()
