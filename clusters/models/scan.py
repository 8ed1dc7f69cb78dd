"""Scan: a search of a network for machines with an open SSH port, done by the worker, shown by the wizard."""

from __future__ import annotations

from django.db import models

from clusters.models.cluster import Cluster
from clusters.models.leased import Job


class Scan(Job):
    """The newest scan of a draft. `found` is a list of {"address", "banner"}; `looked` of `total` addresses are done.

    States: waiting, running, done, cancelled, failed; `message` is the reason of a failure.
    """

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="scan")
    network = models.CharField(max_length=64)
    port = models.PositiveIntegerField(default=22)
    total = models.PositiveIntegerField(default=0)
    looked = models.PositiveIntegerField(default=0)  # quoted: the column's name
    found = models.JSONField(default=list, blank=True)
    message = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.network}: {self.state}"
