"""notification_channels(): the channels that report the ends of runs, and the last test of each."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from clusters.addresses import host_of
from clusters.models import Notice
from clusters.runs.notify.outbox import channels


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel. `where` holds only what a page may show: the address of a webhook is often a secret itself."""

    way: str
    title: str
    where: str
    test: Notice | None


def notification_channels() -> list[Channel]:
    """Every configured channel."""
    tests = {test.way: test for test in Notice.objects.filter(run=None).select_related("asked_by").order_by("id")}
    where = {
        Notice.Way.WEBHOOK: host_of(settings.SLIPWAY_WEBHOOK_URL),
        Notice.Way.MAIL: str(len(settings.SLIPWAY_NOTIFY_MAIL)),
    }
    return [Channel(way.value, str(way.label), where[way], tests.get(way.value)) for way in channels()]
