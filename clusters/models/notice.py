"""Notice: one message about the end of a run, or a test of one, stored until it is delivered or given up."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clusters.models.leased import LeasedRow
from clusters.models.run import Run


class Notice(LeasedRow):
    """Written in the transaction that ends the run, so that every end is reported; sent by a worker.

    Without a run it is a test that the user `asked_by` sent.
    `key` stays the same for all tries, so that a receiver can drop duplicates.
    `lease_until` is set while a worker tries: after a worker has died, the next one continues.
    """

    class Way(models.TextChoices):
        WEBHOOK = "webhook", _("Webhook")
        MAIL = "mail", _("Mail")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        GIVEN_UP = "given up", _("Given up")

    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="notices")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_at = models.DateTimeField(default=timezone.now)
    way = models.CharField(max_length=16, choices=Way)
    key = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    tries = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ("id",)
        indexes = (models.Index(fields=("state", "due_at"), name="notices_to_send"),)

    def __str__(self) -> str:
        return f"{self.way}, {self.about}: {self.state}"

    @property
    def about(self) -> str:
        """Its subject, for logs."""
        return f"run {self.run_id}" if self.run_id else "a test"
