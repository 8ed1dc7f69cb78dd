"""WorkerSign: when each worker was last seen, so that pages show only observed workers."""

from __future__ import annotations

from django.db import models


class WorkerSign(models.Model):
    """One worker process; `seen_at` is when it last wrote here, by the clock of its machine."""

    name = models.CharField(max_length=128, unique=True)
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.name} {self.seen_at}"
