"""told_by(): how this installation tells of the ends of runs, and how the last test of each way went."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from clusters.addresses import host_of
from clusters.models import Notice
from clusters.runs.notify.outbox import channels


@dataclass(frozen=True, slots=True)
class Told:
    """One way. `where` says no more than a page may: the address of a webhook is often a secret itself."""

    way: str
    title: str
    where: str
    test: Notice | None


def told_by() -> list[Told]:
    """Every way that is set."""
    tests = {test.way: test for test in Notice.objects.filter(run=None).select_related("asked_by").order_by("id")}
    where = {
        Notice.Way.WEBHOOK: host_of(settings.SLIPWAY_WEBHOOK_URL),
        Notice.Way.MAIL: str(len(settings.SLIPWAY_NOTIFY_MAIL)),
    }
    return [Told(way.value, str(way.label), where[way], tests.get(way.value)) for way in channels()]
