"""LimitedBackend: names and passwords from pages, each counted before it is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied

from clusters import services
from clusters.web.passwords import count_attempt

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest


class LimitedBackend(ModelBackend):
    """Django's accounts. `request.password_refusal` has the reason when the password alone did not decide a refusal.

    Without a request nothing is counted; no page calls it so.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The user with this name and password. Raises PermissionDenied when it is not checked or has expired."""
        if request is None or username is None or password is None:
            return super().authenticate(request, username=username, password=password, **kwargs)
        try:
            attempt = count_attempt(request, username)
            user = super().authenticate(request, username=username, password=password, **kwargs)
            if user is not None:
                services.one_time_password_check(user)
                services.password_right(attempt)
        except (services.TooManyTries, services.OneTimeExpired) as error:
            request.password_refusal = error  # type: ignore[attr-defined]
            raise PermissionDenied(error.message) from error
        return user

    aauthenticate = sync_to_async(authenticate)
