"""AuditEntry: who did what, when; Account: what Slipway knows of a user beyond Django."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    """One deed of a person. `details` never contains a secret."""

    at = models.DateTimeField(auto_now_add=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    deed = models.CharField(max_length=64)
    target = models.CharField(max_length=253)
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.user} {self.deed} {self.target}"


class Account(models.Model):
    """`must_change_password` is set for a one-time password: the one that Slipway printed, or an administrator gave.

    `one_time_since` is when it was given; it can be used for 24 hours.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account")
    must_change_password = models.BooleanField(default=False)
    one_time_since = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.user)
