"""A live socket opens only for a client that would also get the page."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clusters import services
from clusters.models import Account, Session, hashed
from clusters.web import live_rights
from tests.web.runsocket import socket_of
from tests.web.site import session_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from django.contrib.auth.models import User

    from clusters.models import Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest_asyncio.fixture
async def _own_connections(transactional_db: None) -> AsyncIterator[None]:
    yield
    await sync_to_async(connections.close_all)()


def nothing(user: User, session: str) -> None:
    """A person whom pages answer."""


def give_a_one_time_password(user: User, session: str) -> None:
    services.one_time_password_given(actor=user, user=user)


def let_a_one_time_password_expire(user: User, session: str) -> None:
    give_a_one_time_password(user, session)
    Account.objects.update(one_time_since=timezone.now() - timedelta(days=2))


def idle(user: User, session: str) -> None:
    long_ago = timezone.now() - timedelta(hours=settings.SLIPWAY_IDLE_HOURS, seconds=1)
    Session.objects.filter(pk=hashed(session)).update(seen_at=long_ago)


def expire(user: User, session: str) -> None:
    Session.objects.filter(pk=hashed(session)).update(expire_date=timezone.now() - timedelta(seconds=1))


def deactivate(user: User, session: str) -> None:
    type(user).objects.filter(pk=user.pk).update(is_active=False)


def change_the_password(user: User, session: str) -> None:
    user.set_password("alice-likes-planes")
    user.save()


def sign_out(user: User, session: str) -> None:
    browser = Client()
    browser.cookies[settings.SESSION_COOKIE_NAME] = session
    browser.post(reverse("logout"))


WAYS = [
    (nothing, True),
    (give_a_one_time_password, False),
    (let_a_one_time_password_expire, False),
    (idle, False),
    (expire, False),
    (deactivate, False),
    (change_the_password, False),
    (sign_out, False),
]


def is_answered(run: Run, session: str) -> bool:
    """Whether the page of the run is shown."""
    browser = Client()
    browser.cookies[settings.SESSION_COOKIE_NAME] = session
    return browser.get(reverse("run", args=[run.pk])).status_code == 200


@pytest.mark.asyncio
@pytest.mark.usefixtures("_own_connections")
@pytest.mark.parametrize(("deed", "answered"), WAYS)
async def test_a_socket_opens_for_whom_the_page_opens(
    make_run: Callable[..., Run], alice: User, deed: Callable[..., None], answered: bool
) -> None:
    run = await sync_to_async(make_run)(state="running", worker="me")
    session = await sync_to_async(session_of)(alice)
    await sync_to_async(deed)(alice, session)
    assert await sync_to_async(is_answered)(run, session) is answered
    assert await live_rights.refusal(session, run.pk) == (0 if answered else live_rights.LOGGED_OUT)
    assert await live_rights.is_admitted(session) is answered
    communicator = socket_of(run.pk, session)
    assert (await communicator.connect())[0]
    if answered:
        assert await communicator.receive_nothing(0.2)
        await communicator.disconnect()
    else:
        output = await communicator.receive_output(timeout=60)
        assert (output["type"], output["code"]) == ("websocket.close", live_rights.LOGGED_OUT)


@pytest.mark.asyncio
@pytest.mark.usefixtures("_own_connections")
async def test_an_open_socket_ends_when_its_user_is_given_a_one_time_password(
    make_run: Callable[..., Run], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_rights, "RECHECK_SECONDS", 0.2)
    run = await sync_to_async(make_run)(state="running", worker="me")
    session = await sync_to_async(session_of)(alice)
    communicator = socket_of(run.pk, session)
    assert (await communicator.connect())[0]
    await sync_to_async(give_a_one_time_password)(alice, session)
    output = await communicator.receive_output(timeout=60)
    assert (output["type"], output["code"]) == ("websocket.close", live_rights.LOGGED_OUT)
