"""The right to a live socket: session, user and run are rechecked in the database while it is open."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from channels.auth import get_user
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import user_logged_out
from django.db import DatabaseError, InterfaceError
from django.dispatch import receiver

from clusters.models import hashed
from clusters.runs.events.doorbell import session_ended
from clusters.selectors import Admission, admission_of, run_for, run_visible
from clusters.services.origin import Origin, asked_from

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from django.contrib.auth.models import AnonymousUser, User

    from clusters.services.requests import SessionRequest

log = logging.getLogger(__name__)

# A revoked right closes its sockets within five seconds: this pause, and the time that the check takes.
RECHECK_SECONDS = 4.0


NOT_UNDERSTOOD, LOGGED_OUT, NO_SUCH_RUN, TRY_AGAIN = 4400, 4401, 4404, 4503
"""Why a socket is closed; `static/js/socket.js` knows the codes, whose last three digits are those of HTTP.

An application may send 1000 and 3000 to 4999. 1008 (policy) and 1011 (internal error) belong to the protocol itself,
and autobahn raises an error when it has to send them.
"""


class Watch:
    """The right of one session to one run, checked for all sockets that rely on it."""

    def __init__(self, session_key: str, run_id: int) -> None:
        self.sockets = 0
        self.lost = asyncio.Event()
        self.code = TRY_AGAIN
        self._task = asyncio.create_task(self._check(session_key, run_id))

    async def end(self) -> None:
        """Stop checking."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _check(self, session_key: str, run_id: int) -> None:
        code = 0
        try:
            while not code:
                await asyncio.sleep(RECHECK_SECONDS)
                code = await refusal(session_key, run_id)
            self.code = code
        finally:
            # If the checks fail for any reason, no socket may stay open without them.
            self.lost.set()


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, int], Watch]] = WeakKeyDictionary()


@contextlib.asynccontextmanager
async def watch_right(session_key: str, run_id: int) -> AsyncIterator[Watch]:
    """The watch over a right; it checks while at least one socket is in this block."""
    watches = _watches.setdefault(asyncio.get_running_loop(), {})
    place = (session_key, run_id)
    watch = watches.get(place)
    if watch is None or watch.lost.is_set():
        watch = watches[place] = Watch(session_key, run_id)
    watch.sockets += 1
    try:
        yield watch
    finally:
        watch.sockets -= 1
        if not watch.sockets:
            if watches.get(place) is watch:
                del watches[place]
            await watch.end()


async def refusal(session_key: str, run_id: int) -> int:
    """Why this session may not see this run now; 0 when it may."""
    try:
        return await database_sync_to_async(_code)(await user_of(session_key), run_id)
    except (DatabaseError, InterfaceError) as error:
        log.warning("Run %s: closing a socket because its right cannot be checked: %s", run_id, error)
        return TRY_AGAIN


def _code(user: User | AnonymousUser, run_id: int) -> int:
    """A user who must still choose a password counts as logged out: no page answers them before."""
    if admission_of(user) is not Admission.GRANTED:
        return LOGGED_OUT
    return 0 if run_visible(user, run_id) else NO_SUCH_RUN


async def is_admitted(session_key: str) -> bool:
    """Whether the user of this session may open pages."""
    user = await user_of(session_key)
    return await database_sync_to_async(admission_of)(user) is Admission.GRANTED


async def note_opening(session_key: str, run_id: int, address: str) -> None:
    """Before events are sent: audit an administrator who watches another user's run, even without opening its page."""
    user = await user_of(session_key)
    if user.is_authenticated and user.is_superuser:
        await database_sync_to_async(_open)(user, run_id, Origin(address, hashed(session_key) if session_key else ""))


def _open(user: User, run_id: int, origin: Origin) -> None:
    with asked_from(origin):
        run_for(user, run_id)


async def user_of(session_key: str) -> User | AnonymousUser:
    """The current user of a session; anonymous when it has expired, the user is deactivated or the password changed."""
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key or None)
    # Of a scope it reads the session alone, and gives what AUTH_USER_MODEL names; the stubs know neither.
    return cast("User | AnonymousUser", await get_user({"session": store}))  # type: ignore[typeddict-item]


@receiver(user_logged_out)
def close_sockets(sender: Any, request: SessionRequest | None, **kwargs: Any) -> None:
    """Logging out ends the live sockets of the session at once."""
    if request is not None and request.session.session_key:
        session_ended(request.session.row_key)
