"""Watching another user's run live is in the audit, with or without its page."""

from __future__ import annotations

import hashlib
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections

from clusters.models import AuditEntry
from clusters.web.live_rights import TRY_AGAIN
from tests.web.runsocket import socket_of
from tests.web.site import session_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from django.contrib.auth.models import User
    from pytest_django import Settings

    from clusters.models import Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest_asyncio.fixture
async def _own_connections(transactional_db: None) -> AsyncIterator[None]:
    """Code outside the loop's thread has a separate database connection."""
    yield
    await sync_to_async(connections.close_all)()


def opened() -> list[tuple[str, str]]:
    """Who opened clusters of others, and with which session."""
    return list(AuditEntry.objects.filter(deed="cluster.open").values_list("actor_name", "session"))


@pytest.mark.asyncio
@pytest.mark.usefixtures("_own_connections")
async def test_an_administrator_watching_another_users_run_is_in_the_audit(
    make_run: Callable[..., Run], admin: User, alice: User
) -> None:
    run = await sync_to_async(make_run)(state="running", worker="me")
    for user in (alice, admin):
        session = await sync_to_async(session_of)(user)
        for _ in range(2):
            communicator = socket_of(run.pk, session)
            assert (await communicator.connect())[0]
            await communicator.disconnect()
    hashed = hashlib.sha256(session.encode()).hexdigest()
    assert await sync_to_async(opened)() == [("root", hashed)]


@pytest.mark.asyncio
@pytest.mark.usefixtures("_own_connections")
async def test_who_watches_through_a_proxy_is_in_the_audit_with_their_own_address(
    make_run: Callable[..., Run], admin: User, settings: Settings
) -> None:
    settings.SLIPWAY_TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    run = await sync_to_async(make_run)(state="running", worker="me")
    communicator = socket_of(run.pk, await sync_to_async(session_of)(admin))
    communicator.scope["client"] = ("127.0.0.1", 50000)
    headers = communicator.scope["headers"] or ()
    communicator.scope["headers"] = [*headers, (b"x-forwarded-for", b"192.0.2.44")]
    assert (await communicator.connect())[0]
    await communicator.disconnect()
    entry = await AuditEntry.objects.aget(deed="cluster.open")
    assert entry.address == "192.0.2.44"


@pytest.mark.asyncio
@pytest.mark.usefixtures("_own_connections")
async def test_another_users_run_cannot_be_watched_without_a_writable_audit(
    make_run: Callable[..., Run], admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await sync_to_async(make_run)(state="running", worker="me")
    session = await sync_to_async(session_of)(admin)

    def fail(*args: object, **options: object) -> None:
        raise DatabaseError("The disk is full.")

    monkeypatch.setattr(AuditEntry, "save", fail)
    communicator = socket_of(run.pk, session)
    assert (await communicator.connect())[0]
    answer = await communicator.receive_output(timeout=60)
    assert (answer["type"], answer["code"]) == ("websocket.close", TRY_AGAIN)
