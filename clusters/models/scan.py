"""Scan: a search of a network for machines with an open SSH port, done by the worker, shown by the wizard."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from clusters.models.cluster import Cluster


class Scan(models.Model):
    """The newest scan of a draft. `found` is a list of {"address", "banner"}; `looked` of `total` addresses are done.

    States: waiting, running, done, cancelled, failed; `message` is the reason of a failure.
    """

    ACTIVE = ("waiting", "running")

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="scan")
    network = models.CharField(max_length=64)
    port = models.PositiveIntegerField(default=22)
    state = models.CharField(max_length=16, default="waiting")
    total = models.PositiveIntegerField(default=0)
    looked = models.PositiveIntegerField(default=0)
    found = models.JSONField(default=list, blank=True)
    message = models.TextField(blank=True)
    worker = models.CharField(max_length=128, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.network}: {self.state}"

    @property
    def active(self) -> bool:
        """Whether it is waiting or running."""
        return self.state in self.ACTIVE
