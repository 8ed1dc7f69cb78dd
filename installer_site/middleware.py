"""AuditOrigin: the audit knows from where a request came; OwnPasswordFirst: who has a one-time password replaces it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRedirect

from clusters.models import Account
from clusters.services.origin import asked_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


class AuditOrigin:
    """What is done for a request is written into the audit with its address, session and user."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with asked_from(request):
            return self.get_response(request)


class OwnPasswordFirst:
    """Redirects every page except that of the password, the way out, and static files."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._must_change(request):
            if request.headers.get("HX-Request"):
                return HttpResponseClientRedirect(settings.SLIPWAY_PASSWORD_URL)
            return redirect(settings.SLIPWAY_PASSWORD_URL)
        return self.get_response(request)

    def _must_change(self, request: HttpRequest) -> bool:
        if request.path.startswith(("/accounts/", settings.STATIC_URL)) or request.path == "/healthz":
            return False
        if not request.user.is_authenticated:
            return False
        return Account.objects.filter(user_id=request.user.pk, must_change_password=True).exists()
