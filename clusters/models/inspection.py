"""Inspection: the prechecks of a draft, executed by the worker without a run, shown by the wizard."""

from __future__ import annotations

from django.db import models

from clusters.models.cluster import Cluster
from clusters.models.leased import Job


class Inspection(Job):
    """The newest inspection of a draft. `checks` and `hosts` are those checked now; empty means all.

    `results` is a list of {"check", "title", "host", "state", "found"}: state as of a step, found a list of
    {"severity", "message", "fix"}, with "broke" if the check itself failed; net.node_to_node adds
    {"seen": {machine: {port: trouble}}}. `version` is the draft's version that was checked.
    """

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="inspection")
    version = models.PositiveIntegerField(default=0)
    checks = models.JSONField(default=list, blank=True)
    hosts = models.JSONField(default=list, blank=True)
    results = models.JSONField(default=list, blank=True)
    message = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.cluster}: {self.state}"
