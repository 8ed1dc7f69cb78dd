"""OwnOriginOnly: accepts live sockets only from Slipway's pages, by the same rule as for its forms."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from channels.security.websocket import WebsocketDenier
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Scope = Mapping[str, Any]
    # Django, Channels and servestatic each define their own types for the same three values.
    Application = Callable[[Any, Any, Any], Awaitable[None]]


class OwnOriginOnly:
    """Refuses handshakes of other pages with 403, before they are accepted."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        application: Application = self._application if is_own_origin(scope) else WebsocketDenier()
        await application(scope, receive, send)


def is_own_origin(scope: Scope) -> bool:
    """Whether scheme, host and port of the page are those of the request to Slipway, or are trusted.

    Django decides this for every form: by the Host header if SLIPWAY_ALLOWED_HOSTS has it, by X-Forwarded-Proto if
    SLIPWAY_HTTPS is set, and by SLIPWAY_TRUSTED_ORIGINS. A browser always sends an Origin with a handshake.
    """
    request = request_of(scope)
    if "HTTP_ORIGIN" not in request.META:
        return False
    # django-stubs leave out the methods that Django has for itself.
    verified: bool = CsrfViewMiddleware(lambda _: HttpResponse())._origin_verified(request)  # type: ignore[attr-defined]
    return verified


def request_of(scope: Scope) -> ASGIRequest:
    """The handshake as a Django request."""
    scheme = "https" if scope.get("scheme") in ("wss", "https") else "http"
    return ASGIRequest({**scope, "type": "http", "method": "GET", "scheme": scheme}, BytesIO())
