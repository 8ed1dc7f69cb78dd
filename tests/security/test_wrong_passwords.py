"""On every page that asks for a password, a wrong one counts and is in the audit."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError
from django.urls import reverse

from clusters.models import AuditEntry, PasswordLimit
from clusters.services.password_limits import RULES
from tests.test_house_rules import ROOT, mentioning, tree

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

NEW = "a-quiet-harbour-17"
WRONG = "wrong-wrong-wrong"
FORMS = {
    "password-again": {"password": WRONG},
    "password_change": {"old_password": WRONG, "new_password1": NEW, "new_password2": NEW},
}
FREE = RULES[PasswordLimit.Kind.BOTH].free


def checks() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(deed="password.check").order_by("number"))


@pytest.mark.django_db
@pytest.mark.parametrize("page", FORMS)
def test_a_wrong_password_of_a_signed_in_user_is_in_the_audit(page: str, client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.post(reverse(page), FORMS[page], REMOTE_ADDR="192.0.2.7").status_code == 200
    (entry,) = checks()
    assert (entry.actor_name, entry.target, entry.outcome, entry.address) == ("alice", "alice", "failed", "192.0.2.7")
    assert len(entry.session) == 64
    written = json.dumps([entry.as_json() for entry in AuditEntry.objects.all()])
    assert WRONG not in written
    assert NEW not in written
    assert PasswordLimit.objects.get(kind=PasswordLimit.Kind.ACCOUNT, subject="alice").failures == 1


@pytest.mark.django_db
@pytest.mark.parametrize("page", FORMS)
def test_passwords_that_are_no_longer_checked_are_one_entry(page: str, client: Client, alice: User) -> None:
    client.force_login(alice)
    statuses = [client.post(reverse(page), FORMS[page]).status_code for _ in range(FREE + 4)]
    assert statuses == [200] * FREE + [429] * 4
    assert [entry.outcome for entry in checks()] == ["failed"] * FREE + ["refused"]
    assert AuditEntry.objects.filter(deed="password.limited").exists()


@pytest.mark.django_db
def test_wrong_ones_on_all_pages_are_counted_together(client: Client, alice: User) -> None:
    client.force_login(alice)
    for _ in range(FREE - 1):
        client.post(reverse("password-again"), FORMS["password-again"])
    assert client.post(reverse("password_change"), FORMS["password_change"]).status_code == 200
    assert client.post(reverse("password_change"), FORMS["password_change"]).status_code == 429
    login = client.__class__().post(reverse("login"), {"username": "alice", "password": "alice-likes-ships"})
    assert login.status_code == 429


@pytest.mark.django_db
def test_a_correct_password_writes_no_entry(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.post(reverse("password-again"), {"password": "alice-likes-ships"}).status_code == 302
    assert checks() == []


@pytest.mark.django_db
def test_a_wrong_one_is_refused_as_usual_when_its_entry_cannot_be_written(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client.force_login(alice)

    def fail(*args: Any, **options: Any) -> None:
        raise DatabaseError("The disk is full.")

    monkeypatch.setattr(AuditEntry, "save", fail)
    assert "Wrong password." in client.post(reverse("password-again"), FORMS["password-again"]).content.decode()
    assert "Cannot write the audit entry of password.check (failed)" in caplog.text


PLACES = {"clusters/web/passwords.py", "clusters/web/backends.py"}
"""Where passwords are looked at: the first counts and records for signed-in users, the second for logins."""


def test_no_other_place_looks_at_a_password() -> None:
    found = set()
    for path in mentioning("check_password", "authenticate"):
        for node in ast.walk(tree(path)):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "attr", getattr(called, "id", ""))
            if name in ("check_password", "acheck_password", "authenticate", "aauthenticate"):
                found.add(str(path.relative_to(ROOT)))
    assert found == PLACES
