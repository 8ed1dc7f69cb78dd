"""AuditEntry: who did what, from where, when and with which outcome, chained; Account: data beyond Django's users."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clusters.errors import InstallerError
from clusters.models.audit_chain import FIELDS, GENESIS, digest_of, plain_value
from clusters.models.leased import LeasedRow


class AppendOnly(InstallerError):
    """An attempt to change or remove an entry of the audit."""

    def __init__(self) -> None:
        super().__init__("The audit only grows: its entries are neither changed nor removed.")


class AuditEntries(models.QuerySet["AuditEntry"]):
    """Reads entries. Database triggers refuse changes that bypass this class (`clusters.models.append_only`)."""

    def update(self, **fields: Any) -> NoReturn:
        """Refused."""
        raise AppendOnly

    def delete(self) -> NoReturn:
        """Refused."""
        raise AppendOnly

    def bulk_create(self, *entries: Any, **options: Any) -> NoReturn:
        """Refused: entries are chained one by one, by `clusters.services.audit`."""
        raise AppendOnly

    # Both would change the table without calling `update`.
    bulk_update = _raw_delete = bulk_create


class AuditEntry(models.Model):
    """One action of a user or of Slipway. `details` never contains a secret.

    Names are text, so that an entry keeps its author whatever happens to the account. `number` counts from 1 without
    a gap; `hash` covers every field, and `previous` is the hash of the previous entry (`audit_chain.digest_of`).
    `session` is the SHA-256 of the session key in hexadecimal. `before_chain` marks entries that are older than the
    chain: it protects them since the migration, not since they were written.
    """

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        REFUSED = "refused", _("Refused")

    number = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor_name = models.CharField(max_length=254, blank=True)
    actor_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=64, blank=True)
    session = models.CharField(max_length=64, blank=True)
    deed = models.CharField(max_length=64)
    target = models.CharField(max_length=253)
    outcome = models.CharField(max_length=16, choices=Outcome, default=Outcome.DONE)
    details = models.JSONField(default=dict, blank=True)
    before_chain = models.BooleanField(default=False)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = AuditEntries.as_manager()

    class Meta:
        ordering = ("-number",)
        indexes = (models.Index(fields=("deed", "at"), name="audit_by_deed"),)

    def __str__(self) -> str:
        return f"{self.actor_name or 'Slipway'} {self.deed} {self.target}"

    def save(self, *args: Any, **options: Any) -> None:
        """Store a new entry. Raises AppendOnly for one that is already stored."""
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **options | {"force_insert": True})

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        """Refused."""
        raise AppendOnly

    def as_json(self) -> dict[str, Any]:
        """All fields that the hash covers, in the form in which they are hashed, and the hash: for external copies."""
        return {name: plain_value(getattr(self, name)) for name in FIELDS} | {"hash": self.hash}

    def digest(self) -> str:
        """The correct value of `hash` for the other fields."""
        return digest_of({name: getattr(self, name) for name in FIELDS})


class AuditHead(models.Model):
    """The end of the chain: one row that each writer locks, so that no two continue the same entry."""

    count = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)

    def __str__(self) -> str:
        return f"{self.count} {self.hash}"


class AuditForward(LeasedRow):
    """How far entries were forwarded to one receiver.

    `position` is the number of the last entry that the receiver accepted. `tries` counts the failures since then; after
    the last pause `given_up` is set, and nothing is sent until an administrator retries. `lease_until` is set while a
    worker sends.
    """

    class Way(models.TextChoices):
        SYSLOG = "syslog", _("Syslog")
        WEBHOOK = "webhook", _("Webhook")

    way = models.CharField(max_length=16, choices=Way, unique=True)
    position = models.PositiveBigIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    given_up = models.BooleanField(default=False)
    due_at = models.DateTimeField(default=timezone.now)
    worked_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.way}: {self.position}"


class Account(models.Model):
    """`must_change_password` is set for a one-time password, printed by Slipway or set by an administrator.

    `one_time_since` is when it was created; it is valid for 24 hours.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account")
    must_change_password = models.BooleanField(default=False)
    one_time_since = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.user)
