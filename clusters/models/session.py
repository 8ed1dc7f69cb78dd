"""Session: who is signed in where; a row holds the hash of the cookie's key, so that a copy of it is useless."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from installer_site.sessions import SessionStore as SessionStore

_CHANGES = ("session_data", "expire_date", "user")


def hashed(key: str) -> str:
    """The SHA-256 of a session's key as 64 hexadecimal digits; the key has 165 random bits and needs no salt."""
    return hashlib.sha256(key.encode()).hexdigest()


class SessionQuerySet(models.QuerySet["Session"]):
    """Sessions by validity."""

    def alive(self) -> SessionQuerySet:
        """Sessions that have neither expired nor been idle for too long."""
        now = timezone.now()
        return self.filter(expire_date__gt=now, seen_at__gt=now - timedelta(hours=settings.SLIPWAY_IDLE_HOURS))

    def over(self) -> SessionQuerySet:
        """All other sessions."""
        now = timezone.now()
        idle = models.Q(seen_at__lte=now - timedelta(hours=settings.SLIPWAY_IDLE_HOURS))
        return self.filter(models.Q(expire_date__lte=now) | idle)


class SessionManager(BaseSessionManager["Session"]):
    """Gives sessions by whether they are still good."""

    def get_queryset(self) -> SessionQuerySet:
        """All of them."""
        return SessionQuerySet(self.model, using=self._db)

    def alive(self) -> SessionQuerySet:
        """Those of `SessionQuerySet.alive`."""
        return self.get_queryset().alive()

    def over(self) -> SessionQuerySet:
        """All others."""
        return self.get_queryset().over()


class Session(AbstractBaseSession):
    """One browser in which a user is signed in.

    `seen_at` is when the user last opened a page or sent a form, to the minute; `address` and `browser` (its
    User-Agent) are from that time.
    """

    session_key = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="sessions")
    created_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now, db_index=True)
    address = models.CharField(max_length=45, blank=True, default="")
    browser = models.CharField(max_length=200, blank=True, default="")

    objects: ClassVar[SessionManager] = SessionManager()

    class Meta:
        ordering = ("-seen_at",)

    def __str__(self) -> str:
        return f"{self.user} at {self.address or 'an unknown address'}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A session that is saved again keeps its start and where it was seen."""
        if kwargs.get("force_update") and kwargs.get("update_fields") is None:
            kwargs["update_fields"] = _CHANGES
        super().save(*args, **kwargs)

    @classmethod
    def get_session_store_class(cls) -> type[SessionStore]:
        """The class that reads and writes the rows."""
        from installer_site.sessions import SessionStore

        return SessionStore
