"""The live socket of a run without a server, and runs that write while it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.utils import timezone

from clusters.models import Event, Run
from installer_site.asgi import application
from tests.web.link import Link
from tests.web.site import session_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User


async def socket(run_pk: int, user: User | None, origin: str = "http://localhost:8000") -> Link:
    """A socket of a logged-in user, or without a login."""
    return socket_of(run_pk, await sync_to_async(session_of)(user) if user else "", origin)


def socket_of(run_pk: int, session: str, origin: str = "http://localhost:8000") -> Link:
    """A socket with the cookie of a session."""
    headers = [(b"origin", origin.encode()), (b"host", b"localhost:8000")]
    if session:
        headers.append((b"cookie", f"sessionid={session}".encode()))
    return Link(application, f"/ws/runs/{run_pk}/", headers=headers)


def _add(run: Run, count: int, text: str = "line") -> None:
    """Events as the sink writes them, one line each."""
    run.refresh_from_db()
    now = timezone.now()
    for seq in range(run.last_seq + 1, run.last_seq + count + 1):
        data = {"lines": [[now.timestamp(), "out", f"{text} {seq}"]]}
        Event.objects.create(run=run, seq=seq, at=now, kind="output", data=data, first_line=seq, line_count=1)
    Run.objects.filter(pk=run.pk).update(last_seq=run.last_seq + count, last_line=run.last_seq + count)


async def add(run: Run, count: int, text: str = "line") -> None:
    """Write `count` lines."""
    await sync_to_async(_add)(run, count, text)


async def end(run: Run, state: str = "succeeded") -> None:
    """End the run."""
    await sync_to_async(Run.objects.filter(pk=run.pk).update)(state=state)
