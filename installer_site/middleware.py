"""What happens around every page: nothing of it is stored by browsers, sessions are seen, own passwords come first."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager, suppress
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from clusters.models import Session
from clusters.selectors import Admission, admission_of
from clusters.services.client_address import address_of
from clusters.services.origin import asked_from
from installer_site.known_sessions import note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    Next = Callable[[HttpRequest], HttpResponse]

BEHIND_THE_LOOP = 10
"""How nice a thread is that answers a request; 19 would be nicest."""

SEEN_EVERY = timedelta(minutes=1)
"""So often at most the row of a session is written; idle sessions end in hours."""


class LoopFirst:
    """Threads that answer requests leave the processor to the loop, which answers everybody, when there is too little.

    Linux gives each thread a priority of its own. Those of requests end with the request.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        thread = threading.get_native_id()
        if sys.platform == "linux" and thread != os.getpid() and request.path != "/healthz":
            os.setpriority(os.PRIO_PROCESS, thread, BEHIND_THE_LOOP)
        return self.get_response(request)


class NothingStored:
    """`Cache-Control: no-store` on every page and download: the Back button after signing out shows nothing.

    Static files are answered before it.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "no-store" not in response.get("Cache-Control", ""):
            response["Cache-Control"] = "no-store"
        return response


class SessionSeen:
    """Notes when and from where a session is used by a person.

    What pages fetch by themselves (htmx, JSON) is not a person's doing, so an open tab does not keep a session alive;
    a form that is sent always is.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            note(request.session.session_key or "", request.user.pk)
            if _by_a_person(request):
                self._note(request)
        elif claimed := request.COOKIES.get(settings.SESSION_COOKIE_NAME):
            note(claimed, None)
        return self.get_response(request)

    def _note(self, request: HttpRequest) -> None:
        session, now, address = request.session, timezone.now(), address_of(request)
        if session.seen_at is not None and now - session.seen_at < SEEN_EVERY and session.address == address:
            return
        browser = request.headers.get("User-Agent", "")[:200]
        # A page that only reads opens at once while somebody writes for long; the next one notes it.
        with suppress(OperationalError), waiting_at_most(0.2):
            Session.objects.filter(pk=session.row_key).update(seen_at=now, address=address, browser=browser)


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """In this block SQLite waits at most so long for another writer; afterwards the connection's own timeout applies.

    PostgreSQL locks single rows, for which nobody waits here.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        usual = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {usual}")


def _by_a_person(request: HttpRequest) -> bool:
    if request.method not in ("GET", "HEAD"):
        return True
    fetched = request.headers.get("HX-Request") or "application/json" in request.headers.get("Accept", "")
    return not fetched


class AuditOrigin:
    """What is done for a request is written into the audit with its address, session and user."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with asked_from(request):
            return self.get_response(request)


class SignInFirst(LoginRequiredMiddleware):
    """Who is not signed in is led to the sign-in page; a part of a page gets 401, in which that page has no place."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseBase:
        """What Django calls when nobody is signed in."""
        if request.headers.get("HX-Request"):
            return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Session"})
        return super().handle_no_permission(request, view_func)


class OwnPasswordFirst:
    """A user with a one-time password sets their own first: every page except that one and signing out leads there."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._must_change(request):
            if request.headers.get("HX-Request"):
                return HttpResponseClientRedirect(settings.SLIPWAY_PASSWORD_URL)
            return redirect(settings.SLIPWAY_PASSWORD_URL)
        return self.get_response(request)

    def _must_change(self, request: HttpRequest) -> bool:
        free = (settings.SLIPWAY_PASSWORD_URL, settings.LOGIN_URL, reverse("logout"), "/healthz")
        if request.path_info in free or request.path_info.startswith(settings.STATIC_URL):
            return False
        return admission_of(request.user) is Admission.OWN_PASSWORD_FIRST
