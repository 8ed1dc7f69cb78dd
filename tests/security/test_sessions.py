"""A copy of the database opens no session; sessions end when idle, and on a page that lists them."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.conf import settings as site
from django.contrib.auth import SESSION_KEY
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clusters.models import AuditEntry, Session, hashed
from installer_site.sessions import SessionStore
from tests.web.site import session_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def browser(session: str) -> Client:
    client = Client(headers={"User-Agent": FIREFOX})
    client.cookies[site.SESSION_COOKIE_NAME] = session
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def every_value() -> str:
    """Everything that the database holds, as text."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [str(value) for row in cursor.fetchall() for value in row]
    return "\n".join(found)


def test_what_the_cookie_holds_is_nowhere_in_the_database(alice: User) -> None:
    session = session_of(alice)
    assert is_signed_in(browser(session))
    assert session not in every_value()


def test_what_the_database_holds_opens_no_session(alice: User) -> None:
    session_of(alice)
    for word in every_value().split():
        if word.isalnum() and 20 < len(word) < 80:
            assert not is_signed_in(browser(word))


def test_a_session_knows_whose_it_is_and_keeps_its_beginning(alice: User) -> None:
    client = browser(session_of(alice))
    assert is_signed_in(client)
    row = Session.objects.get(user=alice)
    assert (row.address, row.browser) == ("127.0.0.1", FIREFOX)
    began = row.created_at
    session = client.session
    session["more"] = "data"
    session.save()
    row.refresh_from_db()
    assert (row.created_at, row.address, row.user) == (began, "127.0.0.1", alice)


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_asynchronous_code_finds_sessions_by_their_hash_too() -> None:
    store = SessionStore()
    await store.aset("colour", "blue")
    await store.asave()
    key = str(store.session_key)
    assert await SessionStore().aexists(key)
    assert not await SessionStore().aexists(hashed(key))
    assert await SessionStore(key).aget("colour") == "blue"
    assert await Session.objects.filter(pk=hashed(key)).aexists()
    await SessionStore(key).adelete()
    assert not await Session.objects.aexists()


def test_sessions_of_earlier_versions_are_forgotten_by_the_migration(alice: User) -> None:
    old = apps.get_model("sessions", "Session")
    old.objects.create(session_key="a" * 32, session_data="", expire_date=timezone.now() + timedelta(days=1))
    import_module("clusters.migrations.0011_sessions").forget(apps, SimpleNamespace(connection=connection))
    assert not old.objects.exists()


def aged(user: User, hours: float) -> str:
    session = session_of(user)
    Session.objects.filter(pk=hashed(session)).update(seen_at=timezone.now() - timedelta(hours=hours))
    return session


def test_a_session_ends_when_it_is_idle_for_eight_hours(alice: User, settings: Settings) -> None:
    assert settings.SLIPWAY_IDLE_HOURS == 8
    assert is_signed_in(browser(aged(alice, 7.9)))
    assert not is_signed_in(browser(aged(alice, 8.1)))
    settings.SLIPWAY_IDLE_HOURS = 0.5
    assert not is_signed_in(browser(aged(alice, 0.6)))


@pytest.mark.parametrize(
    ("headers", "counts"),
    [({}, True), ({"HX-Request": "true"}, False), ({"Accept": "application/json"}, False)],
    ids=["a page that is opened", "a part that the page fetches", "data that the page fetches"],
)
def test_only_what_a_person_does_keeps_a_session_alive(alice: User, headers: dict[str, str], counts: bool) -> None:
    session = aged(alice, 1)
    before = Session.objects.get(pk=hashed(session)).seen_at
    browser(session).get("/", headers=headers)
    assert (Session.objects.get(pk=hashed(session)).seen_at > before) is counts


def test_a_form_that_is_sent_by_a_page_is_a_persons_doing(alice: User) -> None:
    session = aged(alice, 1)
    before = Session.objects.get(pk=hashed(session)).seen_at
    browser(session).post(reverse("cluster-new"), {"name": "x"}, headers={"HX-Request": "true"})
    assert Session.objects.get(pk=hashed(session)).seen_at > before


def test_signing_in_deletes_the_rows_of_sessions_that_are_over(alice: User, bob: User) -> None:
    aged(bob, 9)
    session_of(alice)
    assert [row.user for row in Session.objects.all()] == [alice]
    aged(bob, 9)
    call_command("clearsessions")
    assert [row.user for row in Session.objects.all()] == [alice]


def test_the_page_lists_only_the_users_sessions(alice: User, bob: User) -> None:
    here, there, his = browser(session_of(alice)), browser(session_of(alice)), browser(session_of(bob))
    for client in (here, there, his):
        client.get("/")
    text = here.get(reverse("sessions")).content.decode()
    assert text.count("Firefox on Linux") == 3  # two rows, and the button of one of them
    assert text.count("this one") == 1
    assert hashed(str(his.session.session_key)) not in text


def test_ending_a_session_signs_out_that_browser_alone(alice: User) -> None:
    here, there = browser(session_of(alice)), browser(session_of(alice))
    answer = here.post(reverse("session-end"), {"session": hashed(str(there.session.session_key))}, follow=True)
    assert "1 session ended" in answer.content.decode()
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert AuditEntry.objects.filter(deed="session.end", actor_id=alice.pk).count() == 1


def test_all_other_sessions_are_ended_at_once(alice: User, bob: User) -> None:
    here, his = browser(session_of(alice)), browser(session_of(bob))
    others = [browser(session_of(alice)) for _ in range(3)]
    here.post(reverse("session-end"), {"session": "others"})
    assert [is_signed_in(client) for client in (here, his, *others)] == [True, True, False, False, False]


def test_a_user_cannot_end_another_users_session(alice: User, bob: User) -> None:
    hers = browser(session_of(alice))
    browser(session_of(bob)).post(reverse("session-end"), {"session": hashed(str(hers.session.session_key))})
    assert is_signed_in(hers)


def test_a_new_password_ends_the_sessions_of_other_browsers(alice: User) -> None:
    here, there = browser(session_of(alice)), browser(session_of(alice))
    new = "a-quiet-harbour-17"
    given = {"old_password": "alice-likes-ships", "new_password1": new, "new_password2": new}
    assert here.post(reverse("password_change"), given).status_code == 302
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert Session.objects.filter(user=alice).count() == 1


def test_nothing_behind_the_login_is_stored_by_browsers(client: Client, alice: User) -> None:
    client.force_login(alice)
    for address in ("/", reverse("sessions"), reverse("cluster-import"), "/no/such/page/", "/healthz"):
        assert "no-store" in client.get(address)["Cache-Control"], address
    assert "no-store" in Client().get(reverse("login"))["Cache-Control"]


def test_signing_out_has_the_browser_forget_its_pages(client: Client, alice: User) -> None:
    client.force_login(alice)
    answer = client.post(reverse("logout"))
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert not Session.objects.filter(user=alice).exists()
    assert SESSION_KEY not in client.session
