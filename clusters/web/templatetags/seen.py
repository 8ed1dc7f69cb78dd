"""Template tags for what was observed: it fades once it is old, and shows how long ago it was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from clusters.web.templatetags.ui import ago, icon, state

if TYPE_CHECKING:
    import datetime as dt

    from django.utils.safestring import SafeString

register = template.Library()

FRESH = 60
"""Seconds for which an observation is shown as the present; app.js lets it fade in an open page."""


@register.simple_tag
def seen(at: dt.datetime | None) -> SafeString:
    """The attributes of an element whose `.now` is shown while the observation is fresh, and afterwards its `.then`."""
    stale = at is None or (timezone.now() - at).total_seconds() > FRESH
    since = at.isoformat() if at else ""
    return format_html('data-seen="{}" data-fresh="{}"{}', since, FRESH, " data-stale" if stale else "")


@register.simple_tag
def cluster_state(value: str, at: dt.datetime | None) -> SafeString:
    """The state of a cluster. Ready is an observation: later it is when the cluster was last seen ready."""
    if value != "ready":
        return state(value, "", "pill")
    words = format_html("{} {}", _("Last seen ready"), ago(at)) if at else _("Not observed")
    return _fading(state(value, "", "pill now"), _faded(words, "pill then"), at)


@register.simple_tag
def node_state(value: str, at: dt.datetime | None) -> SafeString:
    """The state of a node as observed."""
    words = _("Was ready") if value == "ready" else _("Was not ready")
    return _fading(state(value, "", "now"), _faded(words, "then"), at)


def _faded(words: str, extra: str) -> SafeString:
    return format_html(
        '<span class="state tone-skipped {}">{}<span class="state-word">{}</span></span>', extra, icon("clock"), words
    )


def _fading(now: SafeString, then: SafeString, at: dt.datetime | None) -> SafeString:
    return format_html("<span {}>{}{}</span>", seen(at), now, then)
