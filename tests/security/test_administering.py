"""In an administrator's open browser, no account can be changed without the password."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin as site
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from clusters.models import Account, AuditEntry

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db

NEW = "a-quiet-harbour-17"
AGAIN = reverse("password-again")


@pytest.fixture
def browser(client: Client, admin: User) -> Client:
    """The administrator's, which was signed in to long ago."""
    client.force_login(admin)
    grow_old(client)
    return client


def grow_old(client: Client) -> None:
    session = client.session
    session["password_given_at"] = time.time() - 601
    session.save()


def give_password(client: Client, password: str = "root-likes-rafts") -> None:
    assert client.post(AGAIN, {"password": password}).status_code == 302


def wants_password(answer: Response) -> bool:
    return answer.status_code == 302 and answer["Location"].startswith(f"{AGAIN}?")


def pages(*rows: Any) -> list[str]:
    """Every address of the admin of these rows' models, filled in."""
    found = []
    for row in rows:
        place = f"/admin/{row._meta.app_label}/{row._meta.model_name}/"
        for pattern in site.site._registry[type(row)].get_urls():
            route = str(pattern.pattern).replace("<path:object_id>", str(row.pk)).replace("<id>", str(row.pk))
            found.append(place + route)
    return found


def test_every_page_for_accounts_and_groups_asks_for_the_password(browser: Client, alice: User) -> None:
    every = pages(alice, Group.objects.create(name="crew"))
    assert len(every) > 10
    open_ones = [
        (address, method)
        for address in every
        for method in ("get", "post")
        if not wants_password(getattr(browser, method)(address))
    ]
    assert open_ones == []
    give_password(browser)
    assert [address for address in every if wants_password(browser.get(address))] == []
    assert browser.get(f"/admin/auth/user/{alice.pk}/change/").status_code == 200


def deeds(admin: User, alice: User) -> list[tuple[str, dict[str, Any]]]:
    """Ways from an open browser to a right that stays."""
    password = {"usable_password": "true", "password1": NEW, "password2": NEW}
    right = {"username": "captain", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    dates = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    return [
        (f"/admin/auth/user/{admin.pk}/password/", password),
        (f"/admin/auth/user/{admin.pk}/password/", {"usable_password": "false"}),
        (f"/admin/auth/user/{alice.pk}/password/", password),
        ("/admin/auth/user/add/", {"username": "mallory", **password}),
        (f"/admin/auth/user/{alice.pk}/change/", {**right, **dates}),
        (f"/admin/auth/user/{admin.pk}/change/", {**right, **dates, "username": "mate", "email": "m@evil.example"}),
        ("/admin/auth/user/", {"action": "deactivate", "_selected_action": [alice.pk]}),
        ("/admin/auth/group/add/", {"name": "mates"}),
    ]


def everything(users: type[User]) -> list[Any]:
    fields = ("username", "password", "email", "is_active", "is_staff", "is_superuser")
    return [list(users.objects.order_by("pk").values_list(*fields)), Group.objects.count(), Account.objects.count()]


def test_nothing_of_any_account_changes_without_the_password(
    browser: Client, admin: User, alice: User, django_user_model: type[User]
) -> None:
    before = everything(django_user_model)
    for address, form in deeds(admin, alice):
        assert wants_password(browser.post(address, form)), address
        assert everything(django_user_model) == before, address
    give_password(browser)
    for address, form in deeds(admin, alice)[2:]:
        assert browser.post(address, form).status_code == 302, address
    after = {user.username: user for user in django_user_model.objects.all()}
    assert set(after) == {"captain", "mallory", "mate"}
    assert (after["captain"].is_superuser, after["captain"].is_active) == (True, False)
    assert Group.objects.filter(name="mates").exists()


@pytest.mark.parametrize("spelled", ["{}", "+{}", " {}", "{}.0", "0{}", "_2B{}"])
@pytest.mark.parametrize("form", [{"password1": NEW, "password2": NEW}, {}], ids=["another", "none"])
def test_the_own_password_is_changed_only_with_the_old_one(
    browser: Client, admin: User, spelled: str, form: dict[str, str]
) -> None:
    give_password(browser)
    address = f"/admin/auth/user/{spelled.format(admin.pk)}/password/"
    for answer in (browser.get(address), browser.post(address, {"usable_password": str(bool(form)).lower(), **form})):
        assert answer.status_code == 404 or answer["Location"] == reverse("password_change")
    admin.refresh_from_db()
    assert admin.check_password("root-likes-rafts")
    page = browser.get(reverse("password_change")).content.decode()
    assert 'name="old_password"' in page


def test_a_password_set_by_another_user_is_a_one_time_password(browser: Client, alice: User) -> None:
    give_password(browser)
    form = {"usable_password": "true", "password1": NEW, "password2": NEW}
    assert browser.post(f"/admin/auth/user/_2B{alice.pk}/password/", form).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert Account.objects.get(user=alice).must_change_password
    assert AuditEntry.objects.filter(deed="account.one_time", target="alice").count() == 1


def test_staff_who_may_change_accounts_cannot_make_themselves_administrators(
    client: Client, bob: User, admin: User
) -> None:
    bob.is_staff = True
    bob.save()
    bob.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    client.force_login(bob)
    for address in pages(bob, Group.objects.create(name="crew")):
        for method in ("get", "post"):
            answer = getattr(client, method)(address)
            assert answer.status_code in (302, 403), address
            to = answer.get("Location", "")
            assert answer.status_code == 403 or to.endswith(("/change/", reverse("password_change"))), (address, to)
    bob.refresh_from_db()
    assert not bob.is_superuser


def test_a_user_without_admin_rights_is_not_asked_for_a_password(client: Client, alice: User) -> None:
    client.force_login(alice)
    grow_old(client)
    assert client.get("/admin/auth/user/", follow=True).status_code == 404
