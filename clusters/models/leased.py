"""Leased rows: what one worker claims at a time, until its lease expires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime


class LeasedRow(models.Model):
    """A row that a process claims by a conditional update (`clusters.runs.claims.claim`), until `lease_until`.

    A process that dies leaves the row to the next one, as soon as its lease has expired.
    """

    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @staticmethod
    def with_expired_lease(now: datetime | None = None) -> models.Q:
        """The condition for rows whose lease has expired."""
        return models.Q(lease_until__lt=now or timezone.now())

    @classmethod
    def without_lease(cls, now: datetime | None = None) -> models.Q:
        """The condition for rows without a lease, or whose lease has expired."""
        return models.Q(lease_until__isnull=True) | cls.with_expired_lease(now)


class Job(LeasedRow):
    """A small job of the wizard: waiting, running by the claim in `worker`, or over.

    `asked_by` is whose rights count while it runs.
    """

    ACTIVE = ("waiting", "running")

    state = models.CharField(max_length=16, default="waiting")
    worker = models.CharField(max_length=128, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def active(self) -> bool:
        """Whether more results may come."""
        return self.state in self.ACTIVE

    @classmethod
    def claimable(cls, *, still_running: list[str] | tuple[str, ...] = ()) -> models.QuerySet[Self]:
        """Rows that wait, and those of dead workers.

        `still_running` are claims of the calling process: their jobs are not lost, even if a pause of the process
        delayed the renewal of their leases.
        """
        lost = models.Q(state="running") & cls.with_expired_lease() & ~models.Q(worker__in=still_running)
        return cls._default_manager.filter(models.Q(state="waiting") | lost)
