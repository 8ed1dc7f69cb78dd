"""Guessing passwords gets slower by account, address and both, locks out no other user, and reveals no names."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse

from clusters import services
from clusters.models import AuditEntry, PasswordLimit
from clusters.services.client_address import address_of
from clusters.services.password_limits import RULES, Rule

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test.client import _MonkeyPatchedWSGIResponse as Response
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

RIGHT = "alice-likes-ships"
PROXY = "10.1.2.3"


def sign_in(
    name: str, password: str, address: str = "192.0.2.1", client: Client | None = None, forwarded: str = ""
) -> Response:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    given = {"username": name, "password": password}
    return (client or Client()).post(reverse("login"), given, headers=headers, REMOTE_ADDR=address)


def guess(count: int, name: str = "alice", address: str = "192.0.2.1", forwarded: str = "") -> list[int]:
    return [sign_in(name, f"wrong-{n}", address, forwarded=forwarded).status_code for n in range(count)]


def pass_time(**time: float) -> None:
    for row in PasswordLimit.objects.all():
        row.last_at -= timedelta(**time)
        row.until = row.until and row.until - timedelta(**time)
        row.save()


def test_after_five_wrong_passwords_even_the_right_one_is_not_checked(alice: User) -> None:
    assert guess(6) == [200] * 5 + [429]
    answer = sign_in("alice", RIGHT)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 61
    assert "Too many wrong passwords. Try again in 1 minute" in answer.content.decode()
    pass_time(minutes=1.1)
    assert sign_in("alice", RIGHT).status_code == 302


def test_each_further_wrong_password_doubles_the_pause() -> None:
    rule = Rule(free=5, longest=timedelta(hours=1))
    minutes = [int((rule.pause(n) or timedelta()).total_seconds() / 60) for n in range(4, 14)]
    assert minutes == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert rule.pause(100_000) == rule.longest


def test_the_pauses_grow_while_guessing_continues(alice: User) -> None:
    guess(5)
    waits = [1]
    for _ in range(5):
        pass_time(minutes=waits[-1])
        guess(1)
        row = PasswordLimit.objects.get(kind="both")
        assert row.until is not None
        waits.append(round((row.until - row.last_at).total_seconds() / 60))
    assert waits == [1, 2, 4, 8, 16, 32]


@pytest.mark.thorough
def test_an_office_that_mistypes_now_and_then_is_never_locked_out(alice: User) -> None:
    for n in range(60):
        assert sign_in(f"name{n % 7}", "wrong").status_code == 200
        pass_time(minutes=61)


@pytest.mark.thorough
def test_many_names_from_one_address_are_limited(alice: User) -> None:
    states = [sign_in(f"name{n}", "wrong").status_code for n in range(30)]
    assert states == [200] * 20 + [429] * 10
    assert sign_in("alice", RIGHT).status_code == 429
    assert sign_in("alice", RIGHT, "192.0.2.2").status_code == 302


@pytest.mark.thorough
def test_one_account_guessed_from_many_addresses_is_limited(alice: User) -> None:
    states = [sign_in("alice", "wrong", f"192.0.2.{n}").status_code for n in range(1, 31)]
    assert states == [200] * 20 + [429] * 10


def test_all_addresses_of_one_ipv6_network_count_as_one(alice: User) -> None:
    assert [sign_in(f"n{n}", "wrong", f"2001:db8::{n:x}").status_code for n in range(21)][-1] == 429
    assert sign_in("alice", RIGHT, "2001:db8:0:1::1").status_code == 302


def test_behind_a_trusted_proxy_only_the_guessing_client_is_locked_out(alice: User, settings: Settings) -> None:
    settings.SLIPWAY_TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    assert guess(6, address=PROXY, forwarded="198.51.100.7")[-1] == 429
    assert sign_in("alice", RIGHT, PROXY, forwarded="198.51.100.8").status_code == 302


@pytest.mark.thorough
def test_behind_a_proxy_that_is_not_named_people_still_sign_in_where_they_did_before(alice: User, bob: User) -> None:
    hers = Client()
    assert sign_in("alice", RIGHT, PROXY, hers).status_code == 302
    hers.post(reverse("logout"))
    for n in range(30):
        sign_in(("alice", "bob", "carol")[n % 3], "wrong", PROXY)
    assert sign_in("bob", "bob-likes-boats", PROXY).status_code == 429
    assert sign_in("alice", RIGHT, PROXY, hers).status_code == 302


def test_a_known_browser_has_a_separate_limit(alice: User) -> None:
    hers = Client()
    sign_in("alice", RIGHT, client=hers)
    hers.post(reverse("logout"))
    states = [sign_in("alice", "wrong", f"192.0.2.{n}", hers).status_code for n in range(1, 8)]
    assert states == [200] * 5 + [429] * 2
    assert sign_in("alice", RIGHT).status_code == 302


def test_the_mark_of_a_known_browser_serves_for_no_other_account(alice: User, bob: User) -> None:
    hers = Client()
    sign_in("alice", RIGHT, client=hers)
    hers.post(reverse("logout"))
    guess(6, "bob")
    assert sign_in("bob", "bob-likes-boats", client=hers).status_code == 429


@pytest.mark.thorough
def test_a_user_cannot_reset_the_count_of_their_address(alice: User, bob: User) -> None:
    last = 0
    for n in range(25):
        sign_in("bob", "bob-likes-boats")
        last = sign_in(f"name{n}", "wrong").status_code
    assert last == 429


def test_the_right_password_begins_the_counts_of_the_account_again(alice: User) -> None:
    for _ in range(4):
        assert guess(4) == [200] * 4
        assert sign_in("alice", RIGHT).status_code == 302
    assert list(PasswordLimit.objects.exclude(kind="address")) == []


def test_passwords_are_counted_before_they_are_checked(alice: User) -> None:
    tries = [services.password_try(name="alice", address="192.0.2.1") for _ in range(5)]
    with pytest.raises(services.TooManyTries):
        services.password_try(name="alice", address="192.0.2.1")
    services.password_right(tries[0])
    assert PasswordLimit.objects.get(kind="address").wrong == 4


def test_a_count_sinks_and_is_forgotten_after_a_day(alice: User) -> None:
    guess(4)
    pass_time(hours=25)
    assert guess(5) == [200] * 5
    pass_time(hours=25)
    services.password_limits_forget()
    assert not PasswordLimit.objects.exists()


def plain(answer: Response, name: str) -> tuple[int, str]:
    text = re.sub(r'(name="csrfmiddlewaretoken" value=|X-CSRFToken": )"[^"]*"', "", answer.content.decode())
    return answer.status_code, text.replace(name, "NAME")


def test_the_answer_is_the_same_whether_there_is_such_a_name(alice: User) -> None:
    alice.is_active = False
    alice.save()
    for number in range(7):
        there, not_there = (sign_in(name, "wrong", f"192.0.2.{last}") for name, last in (("alice", 1), ("nobody", 2)))
        assert plain(there, "alice") == plain(not_there, "nobody"), number
    pass_time(hours=2)
    assert plain(sign_in("alice", RIGHT), "alice") == plain(sign_in("nobody", RIGHT, "192.0.2.2"), "nobody")


def test_what_is_typed_as_a_name_without_an_account_is_not_stored(alice: User, admin: User) -> None:
    sign_in("my-secret-passphrase", "alice")
    guess(6, "my-secret-passphrase")
    stored = [row.subject for row in PasswordLimit.objects.all()] + [str(entry) for entry in AuditEntry.objects.all()]
    assert stored
    assert "my-secret-passphrase" not in " ".join(stored)


def test_the_old_password_is_limited_too(client: Client, alice: User) -> None:
    client.force_login(alice)
    new = "a-quiet-harbour-17"
    given = {"old_password": "wrong", "new_password1": new, "new_password2": new}
    states = [client.post(reverse("password_change"), given).status_code for _ in range(7)]
    assert states == [200] * 5 + [429] * 2
    right = {**given, "old_password": RIGHT}
    assert client.post(reverse("password_change"), right).status_code == 429
    alice.refresh_from_db()
    assert alice.check_password(RIGHT)


def test_the_password_that_is_asked_for_again_is_limited_too(client: Client, alice: User) -> None:
    client.force_login(alice)
    states = [client.post(reverse("password-again"), {"password": "wrong"}).status_code for _ in range(7)]
    assert states == [200] * 5 + [429] * 2


@pytest.mark.parametrize("page", ["login", "password_change", "logout"])
def test_the_admin_has_no_separate_password_pages(page: str, client: Client, alice: User) -> None:
    answer = client.post(f"/admin/{page}/", {"username": "alice", "password": RIGHT})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/")
    assert "_auth_user_id" not in client.session


def test_the_admin_leads_to_the_login_and_back(client: Client, admin: User, alice: User) -> None:
    answer = client.get("/admin/clusters/run/", follow=True)
    assert answer.redirect_chain[-1][0].startswith(reverse("login"))
    assert 'value="/admin/clusters/run/"' in answer.content.decode()
    client.force_login(admin)
    assert client.get("/admin/clusters/run/").status_code == 200
    client.force_login(alice)
    assert client.get("/admin/clusters/run/", follow=True).status_code == 404


def test_administrators_see_the_limits_and_lift_them(client: Client, admin: User, alice: User) -> None:
    guess(6)
    client.force_login(admin)
    text = client.get(reverse("password-limits")).content.decode()
    assert "alice 192.0.2.1" in text
    assert "Refused until" in text
    for row in PasswordLimit.objects.all():
        assert client.post(reverse("password-limit-lift", args=[row.pk])).status_code == 302
    assert sign_in("alice", RIGHT).status_code == 302
    assert AuditEntry.objects.filter(deed="password.lifted", actor_id=admin.pk).count() == 3
    assert AuditEntry.objects.get(deed="password.limited").details["kind"] == "both"


def test_only_administrators_see_or_lift_limits(client: Client, alice: User) -> None:
    guess(1)
    row = PasswordLimit.objects.first()
    assert row is not None
    client.force_login(alice)
    assert client.get(reverse("password-limits")).status_code == 404
    assert client.post(reverse("password-limit-lift", args=[row.pk])).status_code == 404
    assert reverse("password-limits") not in client.get("/").content.decode()
    assert PasswordLimit.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        (PROXY, "198.51.100.7", "198.51.100.7"),
        (PROXY, "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (PROXY, "203.0.113.9, 198.51.100.7, 10.9.9.9", "198.51.100.7"),
        (PROXY, "203.0.113.9, nonsense, 10.9.9.9", "10.9.9.9"),
        (PROXY, "198.51.100.7:4711", "198.51.100.7"),
        (PROXY, "[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:10.1.2.3", "2001:db8::1", "2001:db8::1"),
        (PROXY, "", PROXY),
        (PROXY, "10.4.4.4, 10.5.5.5", "10.4.4.4"),
        (PROXY, ", ".join(["203.0.113.9"] * 50_000), "203.0.113.9"),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_address_is_read_from_the_right_and_only_behind_proxies_that_are_named(
    peer: str, forwarded: str, client: str, settings: Settings
) -> None:
    settings.SLIPWAY_TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR=peer)
    assert address_of(request) == client


def test_every_kind_of_limit_ends_by_itself() -> None:
    assert set(RULES) == set(PasswordLimit.Kind)
    assert all(rule.longest <= timedelta(hours=1) for rule in RULES.values())


def test_the_audit_holds_not_even_a_code_of_what_was_typed_as_a_name(client: Client, admin: User, alice: User) -> None:
    guess(6, name="my-secret-passw0rd")
    (entry,) = AuditEntry.objects.filter(deed="password.limited")
    assert entry.target == "(unknown name) 192.0.2.1"
    client.force_login(admin)
    for row in PasswordLimit.objects.all():
        client.post(reverse("password-limit-lift", args=[row.pk]))
    lifted = {entry.target for entry in AuditEntry.objects.filter(deed="password.lifted")}
    assert lifted == {"(unknown name)", "(unknown name) 192.0.2.1", "192.0.2.1"}


def test_counts_that_are_old_are_deleted_and_others_stay(alice: User) -> None:
    guess(1)
    pass_time(hours=25)
    guess(1, address="192.0.2.9", name="bob")
    services.password_limits_forget()
    assert {row.subject for row in PasswordLimit.objects.all() if row.kind == "address"} == {"192.0.2.9"}
