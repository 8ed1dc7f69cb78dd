"""HostKey: the SSH host key that a user accepted for one address in one cluster."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from clusters.models.cluster import Cluster


class HostKey(models.Model):
    """Pinned at the first connection after confirmation. `key` is base64 as in known_hosts, `fingerprint` SHA256:…"""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="host_keys")
    address = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=22)
    key_type = models.CharField(max_length=64)
    key = models.TextField()
    fingerprint = models.CharField(max_length=128)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    accepted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("cluster", "address", "port"), name="one_key_per_address"),)

    def __str__(self) -> str:
        return f"{self.address}:{self.port} {self.fingerprint}"
