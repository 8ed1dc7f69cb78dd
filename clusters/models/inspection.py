"""Inspection: the prechecks of a draft, executed by the worker without a run, shown by the wizard."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from clusters.models.cluster import Cluster


class Inspection(models.Model):
    """The newest inspection of a draft. `checks` and `hosts` are those checked now; empty means all.

    `results` is a list of {"check", "title", "host", "state", "found"}: state as of a step, found a list of
    {"severity", "message", "fix"}, with "broke" if the check itself failed; net.node_to_node adds
    {"seen": {machine: {port: trouble}}}. `version` is the draft's version that was checked.
    """

    ACTIVE = ("waiting", "running")

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="inspection")
    state = models.CharField(max_length=16, default="waiting")
    version = models.PositiveIntegerField(default=0)
    checks = models.JSONField(default=list, blank=True)
    hosts = models.JSONField(default=list, blank=True)
    results = models.JSONField(default=list, blank=True)
    message = models.TextField(blank=True)
    worker = models.CharField(max_length=128, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.cluster}: {self.state}"

    @property
    def active(self) -> bool:
        """Whether it is waiting or running."""
        return self.state in self.ACTIVE
