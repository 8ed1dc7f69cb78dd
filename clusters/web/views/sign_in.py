"""A user's sessions, and for administrators the counts of wrong passwords: listed, and ended by a button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from clusters import services
from clusters.selectors import password_limits, sessions_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clusters.services.requests import UserRequest

OTHERS = "others"
"""Sent instead of a session to end all except this one."""


@require_GET
def sessions(request: UserRequest) -> HttpResponse:
    """The sessions of this user."""
    return render(request, "registration/sessions.html", {"rows": sessions_of(request.user, _this(request))})


@require_POST
def session_end(request: UserRequest) -> HttpResponse:
    """End a session of this user in another browser, or all of them."""
    wanted = request.POST.get("session", "")
    if wanted == OTHERS:
        count = services.sessions_end_others(actor=request.user, keep=_this(request))
    else:
        count = int(wanted != _this(request) and services.session_end(actor=request.user, session=wanted))
    if count:
        words = ngettext("%d session ended.", "%d sessions ended.", count)
        messages.success(request, words % count)
    else:
        messages.info(request, _("That session had already ended."))
    return redirect("sessions")


@require_GET
def limits(request: UserRequest) -> HttpResponse:
    """Wrong passwords of the last day."""
    _administrators_only(request)
    return render(request, "registration/limits.html", {"rows": password_limits()})


@require_POST
def limit_lift(request: UserRequest, pk: int) -> HttpResponse:
    """Reset a count, so that the next password is checked."""
    _administrators_only(request)
    if services.password_limit_lift(actor=request.user, pk=pk):
        messages.success(request, _("The limit was lifted."))
    else:
        messages.info(request, _("That limit was already gone."))
    return redirect("password-limits")


def _administrators_only(request: UserRequest) -> None:
    if not request.user.is_superuser:
        raise Http404("Only administrators see this page.")


def _this(request: UserRequest) -> str:
    return request.session.row_key
