"""Passwords that users enter on pages: each is counted before it is checked, and some pages ask for it again."""

from __future__ import annotations

import functools
import secrets
import time
from typing import TYPE_CHECKING, Any, overload
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import user_logged_in
from django.core import signing
from django.dispatch import receiver
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

from clusters import services
from clusters.addresses import read_address
from clusters.services.client_address import address_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.http import HttpRequest, HttpResponse, HttpResponseBase

    from clusters.services.password_limits import Tried
    from clusters.services.requests import UserRequest

    View = Callable[..., HttpResponseBase]

FRESH_SECONDS = 10 * 60
"""How long after the password was entered secrets are handed out without it."""

_GIVEN_AT = "password_given_at"
KNOWN_COOKIE = "slipway_browser"
KNOWN_SECONDS = 90 * 24 * 3600
"""How long a browser in which a user signed in stays known."""
_SALT = "clusters.web.passwords.known"


def count_attempt(request: HttpRequest, name: str) -> Tried:
    """Count a password for this name before it is checked. Raises TooManyTries."""
    return services.password_try(name=name, address=address_of(request), browser=_known_browser(request, name))


def is_password_of(request: HttpRequest, user: User, password: str) -> bool:
    """Whether it is the password of a signed-in user. Raises TooManyTries.

    Every page that asks for the password calls this, so that each wrong one is counted and audited.
    """
    try:
        attempt = count_attempt(request, user.get_username())
    except services.TooManyTries:
        services.password_failed(user, locked=True)
        raise
    if not user.check_password(password):
        services.password_failed(user, locked=False)
        return False
    services.password_right(attempt)
    return True


def is_fresh(request: HttpRequest) -> bool:
    """Whether the password was entered in this session within the last ten minutes."""
    given: float = request.session.get(_GIVEN_AT, 0)
    return 0 <= time.time() - given < FRESH_SECONDS


def note_password(request: HttpRequest) -> None:
    """Record that the password was entered now."""
    request.session[_GIVEN_AT] = time.time()


@overload
def password_again(
    view: View, *, when: Callable[[UserRequest], bool] = ..., back: Callable[[UserRequest], str] | None = ...
) -> View: ...


@overload
def password_again(
    *, when: Callable[[UserRequest], bool] = ..., back: Callable[[UserRequest], str] | None = ...
) -> Callable[[View], View]: ...


def password_again(
    view: View | None = None,
    *,
    when: Callable[[UserRequest], bool] = lambda request: True,
    back: Callable[[UserRequest], str] | None = None,
) -> View | Callable[[View], View]:
    """A view that hands out secrets: it asks for the password first, unless it was entered within ten minutes.

    `when` selects the requests of the view that need it. A page (GET) is shown afterwards; after a form (POST) its page
    is shown again, or the one that `back` returns, and the user presses the button again, so that nothing of the form
    is stored meanwhile. Signing in counts as entering the password. For a class:
    `method_decorator(password_again, name="dispatch")`.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: UserRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if is_fresh(request) or not when(request):
                return view(request, *args, **kwargs)
            address = f"{reverse('password-again')}?{urlencode({'next': (back or _page_of)(request)})}"
            return HttpResponseClientRedirect(address) if request.headers.get("HX-Request") else redirect(address)

        return guarded

    return decorate if view is None else decorate(view)


def own_address(request: HttpRequest, address: str) -> str:
    """The address if it is one of Slipway's pages, else that of the first page."""
    own = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if own else reverse("clusters")


def remember_browser(response: HttpResponse, name: str) -> None:
    """Mark this browser as known: this account has signed in from it."""
    value = signing.dumps({"name": name, "mark": secrets.token_hex(8)}, salt=_SALT)
    response.set_cookie(
        KNOWN_COOKIE,
        value,
        max_age=KNOWN_SECONDS,
        path="/accounts/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _known_browser(request: HttpRequest, name: str) -> str:
    try:
        known = signing.loads(request.COOKIES.get(KNOWN_COOKIE, ""), salt=_SALT, max_age=KNOWN_SECONDS)
    except signing.BadSignature:
        return ""
    return str(known["mark"]) if known["name"] == name else ""


def _page_of(request: HttpRequest) -> str:
    """The page to return to: this one, or the one whose form was sent."""
    if request.method in ("GET", "HEAD") and not request.headers.get("HX-Request"):
        return request.get_full_path()
    parts = read_address(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    if parts is None or parts.netloc != request.get_host():
        return reverse("clusters")
    return own_address(request, f"{parts.path}?{parts.query}" if parts.query else parts.path)


@receiver(user_logged_in)
def on_sign_in(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Signing in counts as entering the password; it also deletes expired sessions and limits."""
    note_password(request)
    services.sessions_forget()
    services.password_limits_forget()
