"""GrantedTime: the time that people granted steps of a run beyond their timeouts, as the worker knows it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from django.utils import timezone

from clusters.engine import events
from clusters.models import Extension

if TYPE_CHECKING:
    from clusters.models import Run


class GrantedTime:
    """Read from the database by the heartbeat, queried by the engine's threads. New grants go to `sink`."""

    def __init__(self, run: Run, sink: events.Sink) -> None:
        self._rows = Extension.objects.filter(run_id=run.pk).select_related("asked_by").order_by("id")
        self._sink = sink
        self._last = 0
        self._seconds: defaultdict[tuple[str, str], float] = defaultdict(float)

    def granted(self, step: str, host: str) -> float:
        """Seconds granted beyond the timeout of this step on this machine."""
        return self._seconds.get((step, host), 0.0)

    def look(self) -> None:
        """Read new grants. Those that an earlier worker reported are not reported again."""
        for row in self._rows.filter(pk__gt=self._last):
            self._last = row.pk
            self._seconds[(row.step, row.host)] += row.seconds
            if Extension.objects.filter(pk=row.pk, taken_at=None).update(taken_at=timezone.now()):
                by = row.asked_by.get_username() if row.asked_by else ""
                self._report(row, by)

    def _report(self, row: Extension, by: str) -> None:
        self._sink.emit(events.Extended(host=row.host, step=row.step, seconds=row.seconds, by=by))
        text = f"{by or 'Somebody'} granted this step {row.seconds / 60:.0f} more minutes on {row.host}."
        self._sink.emit(events.Output(host=row.host, step=row.step, stream="note", text=text))
