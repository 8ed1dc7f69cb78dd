"""A one-time password expires after a day, and a user with a password from another user must replace it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clusters import services
from clusters.models import Account, AuditEntry

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = pytest.mark.django_db


def sign_in(name: str, password: str, client: Client | None = None) -> str:
    """Where signing in leads to, or the message of the page."""
    answer = (client or Client()).post(reverse("login"), {"username": name, "password": password})
    return answer["Location"] if answer.status_code == 302 else answer.content.decode()


def pass_hours(hours: float) -> None:
    Account.objects.update(one_time_since=timezone.now() - timedelta(hours=hours))


def test_the_first_password_opens_the_login_for_a_day() -> None:
    made = services.first_admin()
    assert made is not None
    pass_hours(23.9)
    assert sign_in(*made) == "/"
    pass_hours(24.1)
    assert "This one-time password has expired: it was valid for 24 hours." in sign_in(*made)


def test_the_expiry_is_shown_only_to_a_user_who_knows_the_password() -> None:
    made = services.first_admin()
    assert made is not None
    pass_hours(24.1)
    assert "expired" not in sign_in(made[0], "wrong")


def test_the_first_start_after_it_expired_unused_prints_another() -> None:
    first = services.first_admin()
    assert first is not None
    assert services.first_admin() is None
    pass_hours(24.1)
    second = services.first_admin()
    assert second is not None
    assert second[1] != first[1]
    assert sign_in(*second) == "/"
    pass_hours(24.1)
    assert services.first_admin() is None


def test_a_start_prints_no_password_where_there_is_an_account(alice: User) -> None:
    assert services.first_admin() is None


def test_an_account_that_an_administrator_makes_chooses_its_password_first(client: Client, admin: User) -> None:
    client.force_login(admin)
    given = {
        "username": "carol",
        "usable_password": "true",
        "password1": "given-by-root-1",
        "password2": "given-by-root-1",
    }
    assert client.post("/admin/auth/user/add/", given).status_code == 302
    hers = Client()
    assert sign_in("carol", "given-by-root-1", hers) == "/"
    assert hers.get("/")["Location"] == reverse("password_change")
    for page in ("sessions", "password-limits", "password-again"):
        assert hers.get(reverse(page))["Location"] == reverse("password_change"), page
    new = "a-quiet-harbour-17"
    changed = {"old_password": "given-by-root-1", "new_password1": new, "new_password2": new}
    assert hers.post(reverse("password_change"), changed).status_code == 302
    assert hers.get("/").status_code == 200
    pass_hours(48)
    assert sign_in("carol", new) == "/"
    assert AuditEntry.objects.filter(deed="account.one_time", actor_id=admin.pk).count() == 1


def test_a_password_that_an_administrator_replaces_is_for_one_time_too(
    client: Client, admin: User, alice: User
) -> None:
    client.force_login(admin)
    given = {"usable_password": "true", "password1": "given-by-root-1", "password2": "given-by-root-1"}
    assert client.post(f"/admin/auth/user/{alice.pk}/password/", {**given, "password2": "other"}).status_code == 200
    assert not Account.objects.filter(user=alice, must_change_password=True).exists()
    assert client.post(f"/admin/auth/user/{alice.pk}/password/", given).status_code == 302
    assert Account.objects.get(user=alice).must_change_password
    pass_hours(24.1)
    assert "has expired" in sign_in("alice", "given-by-root-1")
