"""Extension: a user gives a step on a machine more time than its timeout; the worker of the run applies it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from clusters.models.run import Run


class Extension(models.Model):
    """`seconds` more. `taken_at` is when a worker applied it and logged it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="extensions")
    step = models.CharField(max_length=128)
    host = models.CharField(max_length=253, blank=True)
    seconds = models.FloatField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    taken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.step} on {self.host}: {self.seconds:.0f} s more"
