"""The sender of a request, before Django gets it: the session and the address that Django would read from it."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest

from clusters.services.client_address import address_of
from clusters.web.fair_places import client_called
from installer_site.known_sessions import person_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Headers = Iterable[tuple[bytes, bytes]]

_READ = (b"cookie", b"x-forwarded-for")


def client_of(scope: Mapping[str, Any]) -> str:
    """The sender of a request: the signed-in user, whatever the number of sessions, or else the address."""
    request = _read(scope["headers"], scope.get("client"))
    session = _session_of(request)
    if session and (person := person_of(session)) is not None:
        return client_called(person)
    return address_of(request)


def session_in(headers: Headers) -> str:
    """The key of the session in the headers; "" for none."""
    return _session_of(_read(headers, None))


def _session_of(request: ASGIRequest) -> str:
    return str(request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""))


def _read(headers: Headers, client: Any) -> ASGIRequest:
    """The request as Django reads these headers, which may span several lines: otherwise a client could choose how
    it is counted."""
    read = [(name, value) for name, value in headers if name.lower() in _READ]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": read, "client": client}
    return ASGIRequest(scope, BytesIO())
