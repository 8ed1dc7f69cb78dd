"""Tests of signing in and of the first password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse

from clusters.models import Account, AuditEntry

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

NEW = "a-quiet-harbour-17"


def change(client: Client, old: str) -> int:
    given = {"old_password": old, "new_password1": NEW, "new_password2": NEW}
    return client.post(reverse("password_change"), given).status_code


def test_signing_in_leads_to_the_requested_page(client: Client, alice: User) -> None:
    given = {"username": "alice", "password": "alice-likes-ships", "next": "/clusters/import/"}
    assert client.post(reverse("login"), given)["Location"] == "/clusters/import/"


def test_signing_in_does_not_redirect_to_other_sites(client: Client, alice: User) -> None:
    given = {"username": "alice", "password": "alice-likes-ships", "next": "https://elsewhere.example/"}
    assert client.post(reverse("login"), given)["Location"] == "/"


def test_a_wrong_password_is_reported_and_not_repeated(client: Client, alice: User) -> None:
    answer = client.post(reverse("login"), {"username": "alice", "password": "wrong-wrong-wrong"})
    text = answer.content.decode()
    assert 'role="alert"' in text
    assert "wrong-wrong-wrong" not in text
    assert 'value="alice"' in text


def test_signing_out_requires_a_post(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(reverse("logout")).status_code == 405
    client.post(reverse("logout"))
    assert client.get("/").status_code == 302


def test_the_one_time_password_is_replaced_before_anything_else(client: Client, alice: User) -> None:
    Account.objects.create(user=alice, must_change_password=True)
    client.force_login(alice)
    assert client.get("/")["Location"] == reverse("password_change")
    assert "Choose your own password" in client.get(reverse("password_change")).content.decode()
    assert change(client, "alice-likes-ships") == 302
    assert client.get("/").status_code == 200
    assert AuditEntry.objects.filter(deed="account.password").count() == 1


def test_a_failed_change_changes_nothing(client: Client, alice: User) -> None:
    Account.objects.create(user=alice, must_change_password=True)
    client.force_login(alice)
    assert change(client, "not-the-old-one") == 200
    assert client.get("/").status_code == 302
