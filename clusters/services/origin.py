"""Origin: where the current action was requested: a browser's request, a live socket, or a terminal."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.services.client_address import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Origin:
    """`address` is the client's, or "terminal" with its system user; `session` is the hash of the session key.

    `user` is the logged-in user, for changes without an actor (those of Django's admin).
    """

    address: str = ""
    session: str = ""
    user: User | None = None


_present: ContextVar[HttpRequest | Origin | None] = ContextVar("slipway_origin", default=None)


@contextmanager
def asked_from(place: HttpRequest | Origin) -> Iterator[None]:
    """Actions in this block come from that origin. Session and user of a request are read when they are needed: a login
    changes both during the request."""
    token = _present.set(place)
    try:
        yield
    finally:
        _present.reset(token)


def present_origin() -> Origin:
    """The origin of the current action; outside of requests and sockets it is a command in a terminal."""
    place = _present.get()
    if place is None:
        return Origin(f"terminal ({_system_user()})")
    return place if isinstance(place, Origin) else _of_request(place)


def _of_request(request: HttpRequest) -> Origin:
    session = getattr(request, "session", None)
    user = getattr(request, "user", None)
    return Origin(
        address_of(request),
        session.row_key if session is not None else "",
        user if user is not None and user.is_authenticated else None,
    )


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "unknown user"
