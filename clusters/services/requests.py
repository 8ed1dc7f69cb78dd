"""Requests as Slipway's views get them: with the attributes that middleware adds, by their types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.urls import ResolverMatch
    from django_htmx.middleware import HtmxDetails

    from clusters.models.session import SessionStore


def user_in(request: HttpRequest) -> User:
    """Who is signed in, on pages of Django's own. Raises PermissionDenied when that is nobody."""
    if not request.user.is_authenticated:
        raise PermissionDenied
    return request.user


class SessionRequest(HttpRequest):
    """A request with a session of Slipway's own engine; its user may be anonymous."""

    session: SessionStore


class UserRequest(SessionRequest):
    """A request of a signed-in user: Slipway's middleware leads everybody else to the sign-in page."""

    user: User
    resolver_match: ResolverMatch
    htmx: HtmxDetails
