"""Probe: the newest connection test of one machine of a cluster, done by the worker, shown by the wizard."""

from __future__ import annotations

from django.db import models

from clusters.models.cluster import Cluster
from clusters.models.leased import Job


class Probe(Job):
    """`stages` is a list of {"name", "state", "message", "hint", "cause"} for reach, hostkey, login, sudo, facts.

    Stage states: waiting, running, ok, failed, skipped, ask (an unknown host key needs confirmation: see `offered`).
    `asked_by` is the user whose right to a credential counts at the login.
    `spec_digest` is an HMAC of the machine's row, so that a test of older credentials is shown as stale.
    """

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="probes")
    host = models.CharField(max_length=253)
    spec_digest = models.CharField(max_length=64, blank=True)
    stages = models.JSONField(default=list)
    offered = models.JSONField(default=dict, blank=True)
    facts = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("cluster", "host"), name="one_probe_per_machine"),)
        indexes = (models.Index(fields=("state",), name="probes_by_state"),)

    def __str__(self) -> str:
        return f"{self.host}: {self.state}"
