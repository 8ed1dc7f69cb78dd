"""PasswordLimit: the number of wrong passwords of an account, an address or a browser, and the end of its pause."""

from __future__ import annotations

import math

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class PasswordLimit(models.Model):
    """One count, as of `last_at`: it drops by one an hour.

    `until` is when the next password is checked; null without a pause. `subject` is the name, the address (for IPv6 its
    /64 network), or both; for a name without an account only a hash, because people type passwords into the wrong
    field.
    """

    class Kind(models.TextChoices):
        """What is counted."""

        ACCOUNT = "account", _("Account")
        ADDRESS = "address", _("Address")
        BOTH = "both", _("Account from an address")
        BROWSER = "browser", _("Account from a known browser")

    kind = models.CharField(max_length=16, choices=Kind.choices)
    subject = models.CharField(max_length=255)
    failures = models.FloatField(default=0)
    last_at = models.DateTimeField(default=timezone.now, db_index=True)
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-last_at",)
        constraints = [models.UniqueConstraint(fields=("kind", "subject"), name="one_count_each")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.failures}"

    @property
    def wrong(self) -> int:
        """The count in whole passwords."""
        return math.ceil(self.failures)

    @property
    def pausing(self) -> bool:
        """Whether passwords are refused now."""
        return self.until is not None and self.until > timezone.now()
