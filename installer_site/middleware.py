"""Middleware for every page: browsers store nothing, session use is recorded, one-time passwords must be changed."""

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

    from clusters.services.requests import SessionRequest

    Next = Callable[[HttpRequest], HttpResponse]

BEHIND_THE_LOOP = 10
"""The nice value of a thread that handles a request; 19 is the highest."""

SEEN_EVERY = timedelta(minutes=1)
"""The row of a session is written at most this often; idle sessions end after hours."""


class LoopFirst:
    """Threads that handle requests yield the processor to the event loop, which serves all clients.

    On Linux each thread has a separate priority. Threads of requests end with the request.
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

    Static files are served before it.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "no-store" not in response.get("Cache-Control", ""):
            response["Cache-Control"] = "no-store"
        return response


class SessionSeen:
    """Records when and from where a user uses a session.

    Requests that pages send automatically (htmx, JSON) do not count, so an open tab does not keep a session alive; a
    submitted form always counts.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: SessionRequest) -> HttpResponse:
        if request.user.is_authenticated:
            note(request.session.session_key or "", request.user.pk)
            if _by_a_person(request):
                self._note(request)
        elif claimed := request.COOKIES.get(settings.SESSION_COOKIE_NAME):
            note(claimed, None)
        return self.get_response(request)

    def _note(self, request: SessionRequest) -> None:
        session, now, address = request.session, timezone.now(), address_of(request)
        if session.seen_at is not None and now - session.seen_at < SEEN_EVERY and session.address == address:
            return
        browser = request.headers.get("User-Agent", "")[:200]
        # A page that only reads must open at once during a long write; the next page records the use.
        with suppress(OperationalError), waiting_at_most(0.2):
            Session.objects.filter(pk=session.row_key).update(seen_at=now, address=address, browser=browser)


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """In this block SQLite waits at most so long for another writer; afterwards the connection's timeout applies again.

    PostgreSQL locks single rows, so there is nothing to wait for here.
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
    """Actions of a request are audited with its address, session and user."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with asked_from(request):
            return self.get_response(request)


class SignInFirst(LoginRequiredMiddleware):
    """Redirects to the sign-in page without a login; a request for part of a page gets 401 instead."""

    # django-stubs know only redirects here; Django passes on any response.
    def handle_no_permission(  # type: ignore[override]
        self, request: HttpRequest, view_func: Any
    ) -> HttpResponseBase:
        """Called by Django when nobody is signed in."""
        if request.headers.get("HX-Request"):
            return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Session"})
        return super().handle_no_permission(request, view_func)


class OwnPasswordFirst:
    """A user with a one-time password must change it first: every other page except signing out redirects there."""

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
