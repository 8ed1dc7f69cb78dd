"""Event: the log of a run, numbered without gaps; the only source for watchers."""

from __future__ import annotations

from django.db import models

from clusters.models.run import Run


class Event(models.Model):
    """One event, or a chunk of output lines of one step on one machine.

    Kind "output" has data {"lines": [[at, stream, text], ...]}; the first of them is line number
    `first_line` of the run, `line_count` is their number. Other kinds have the fields of their dataclass in
    `clusters.engine.events`, and no lines.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=16)
    host = models.CharField(max_length=253, blank=True)
    step = models.CharField(max_length=128, blank=True)
    data = models.JSONField(default=dict)
    first_line = models.PositiveBigIntegerField(default=0)
    line_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("run", "seq")
        constraints = (models.UniqueConstraint(fields=("run", "seq"), name="events_are_numbered"),)

    def __str__(self) -> str:
        return f"{self.run_id}:{self.seq} {self.kind}"
