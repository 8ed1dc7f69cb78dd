"""Template tags shared by all pages: icons, states, times and durations."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from clusters import services
from clusters.catalog.recipes import recipes
from clusters.engine.recipe import phase_title
from clusters.places import command_line
from clusters.plaintext import plain_text

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise
    from django.utils.safestring import SafeString

    from clusters.selectors.progress import RunSummary
    from clusters.selectors.timeline import Bar

register = template.Library()

# state: (tone, icon, word). The tone is one of the eight state colors in app.css.
STATES: Final[dict[str, tuple[str, str, _StrPromise]]] = {
    "waiting": ("waiting", "clock", _("Waiting")),
    "running": ("running", "spinner", _("Running")),
    "same": ("same", "equals", _("Unchanged")),
    "changed": ("changed", "check", _("Changed")),
    "warning": ("warning", "warning", _("Warning")),
    "failed": ("failed", "cross", _("Failed")),
    "cancelled": ("cancelled", "stop", _("Cancelled")),
    "skipped": ("skipped", "skip", _("Skipped")),
    "would": ("changed", "edit", _("Would change")),
    "unforeseen": ("warning", "ask", _("Not known yet")),
    "queued": ("waiting", "clock", _("Waiting for a worker")),
    "cancelling": ("cancelled", "spinner", _("Cancelling")),
    "succeeded": ("changed", "check", _("Succeeded")),
    "draft": ("waiting", "edit", _("Draft")),
    "installing": ("running", "spinner", _("Installing")),
    "working": ("running", "spinner", _("Working")),
    "ready": ("changed", "check", _("Ready")),
    "incomplete": ("warning", "warning", _("Incomplete")),
    "ok": ("changed", "check", _("OK")),
    "ask": ("warning", "ask", _("Needs confirmation")),
    "untested": ("skipped", "clock", _("Not tested")),
    "stale": ("warning", "clock", _("Out of date")),
    "error": ("failed", "cross", _("Blocking")),
    "todo": ("waiting", "edit", _("To do")),
    "info": ("running", "info", _("Note")),
    "notready": ("failed", "cross", _("Not ready")),
}


@register.filter
def phase_name(name: str) -> str:
    """The title of a phase of a plan."""
    recipes()
    return gettext(phase_title(name))


register.simple_tag(command_line)


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """An icon of the sprite in `_icons.svg`; screen readers skip it and read the word beside it."""
    return format_html(
        '<svg class="icon i-{} {}" aria-hidden="true" focusable="false"><use href="#i-{}"/></svg>', name, extra, name
    )


@register.simple_tag
def state(value: str, word: str = "", extra: str = "") -> SafeString:
    """A state as icon, word and color."""
    tone, drawing, usual = STATES.get(value, ("waiting", "dot", value))
    return format_html(
        '<span class="state tone-{} {}">{}<span class="state-word">{}</span></span>',
        tone, extra, icon(drawing), word or usual,
    )  # fmt: skip


@register.simple_tag
def state_icon(value: str, title: str = "") -> SafeString:
    """A state as a colored icon, with a word for screen readers."""
    tone, drawing, usual = STATES.get(value, ("waiting", "dot", value))
    return format_html(
        '<span class="state-icon tone-{}">{}<span class="visually-hidden">{}</span></span>',
        tone, icon(drawing), title or usual,
    )  # fmt: skip


@register.filter
def tone(value: str) -> str:
    """The tone (color) of a state."""
    return STATES.get(value, ("waiting", "", ""))[0]


@register.simple_tag
def reason_length() -> SafeString:
    """The limits for the length of a reason, as attributes of its field."""
    return format_html('minlength="{}" maxlength="{}"', services.SHORTEST_REASON, services.LONGEST_REASON)


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds for people: 4 s, 2 m 41 s, 1 h 3 m."""
    if seconds is None:
        return ""
    if 0 < seconds < 1:
        return "<1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60} m"


@register.filter
def eta(summary: Any) -> str:
    """The time left, as an honest range; empty without an estimate."""
    low, high = getattr(summary, "eta_low", None), getattr(summary, "eta_high", None)
    if high is None or high <= 0:
        return ""
    if high < 60:
        return str(_("less than a minute left"))
    first, last = max(1, int((low or 0) // 60)), max(1, -int(-high // 60))
    if first >= last:
        return str(_("about %(minutes)s m left") % {"minutes": last})
    return str(_("about %(low)s\u2013%(high)s m left") % {"low": first, "high": last})


@register.filter
def eta_source(summary: RunSummary) -> str:
    """The source of the estimated time left, for its tooltip."""
    if summary.measured:
        return str(_("Based on the time these steps took in earlier runs"))
    return str(_("No earlier run has measured these steps: the estimate ships with Slipway"))


@register.filter
def title_mark(summary: RunSummary) -> str:
    """The mark before a run in the window title: its progress, or how it ended."""
    if summary.state in ("running", "cancelling"):
        return f"{summary.percent} % · "
    return {"succeeded": "✓ ", "failed": "✗ "}.get(summary.state, "")


def _moment(value: Any) -> dt.datetime | None:
    if isinstance(value, int | float):
        return dt.datetime.fromtimestamp(value, tz=dt.UTC)
    if isinstance(value, str) and value:
        return dt.datetime.fromisoformat(value)
    return value if isinstance(value, dt.datetime) else None


@register.filter
def clock(value: Any) -> SafeString | str:
    """A time: UTC here, made local by app.js, with UTC as the tooltip."""
    return _time(value, "clock", "%H:%M:%S UTC")


@register.filter
def moment(value: Any) -> SafeString | str:
    """A day and a time: UTC here, made local by app.js, with UTC as the tooltip."""
    return _time(value, "moment", "%Y-%m-%d %H:%M UTC")


def _time(value: Any, form: str, pattern: str) -> SafeString | str:
    at = _moment(value)
    if at is None:
        return ""
    at = at.astimezone(dt.UTC)
    return format_html(
        '<time datetime="{}" data-local="{}" title="{}">{}</time>',
        at.isoformat(), form, at.strftime("%Y-%m-%d %H:%M:%S UTC"), at.strftime(pattern),
    )  # fmt: skip


@register.filter
def ago(value: Any) -> SafeString | str:
    """How long ago, in the largest unit that fits; app.js keeps it true in an open page."""
    at = _moment(value)
    if at is None:
        return ""
    seconds = max(0, int((timezone.now() - at).total_seconds()))
    if seconds < 60:
        words = str(_("just now"))
    elif seconds < 3600:
        words = ngettext("%(count)s minute ago", "%(count)s minutes ago", seconds // 60) % {"count": seconds // 60}
    elif seconds < 86400:
        words = ngettext("%(count)s hour ago", "%(count)s hours ago", seconds // 3600) % {"count": seconds // 3600}
    else:
        words = ngettext("%(count)s day ago", "%(count)s days ago", seconds // 86400) % {"count": seconds // 86400}
    title = at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html(
        '<time datetime="{}" data-ago="{}" title="{}">{}</time>', at.isoformat(), _("just now"), title, words
    )


@register.filter
def item(mapping: Any, key: Any) -> Any:
    """`mapping[key]`, or nothing when there is none."""
    try:
        return mapping[key]
    except (KeyError, IndexError, TypeError):
        return ""


@register.filter
def times(cell: Any) -> str:
    """When a cell of a run's grid started, how long it took and how long it usually takes; in full, for a tooltip."""
    words = [cell.message] if cell.message else []
    if cell.late:
        words.append(_("It takes longer than usual but has not failed; see its log."))
    if cell.counts:
        if cell.slowest:
            middle, longest = duration(cell.seconds), duration(cell.longest)
            words.append(
                _("Median %(middle)s, at most %(longest)s on %(host)s.")
                % {"middle": middle, "longest": longest, "host": cell.slowest}
            )
    elif cell.started_at:
        began = cell.started_at.astimezone(dt.UTC).strftime("%H:%M:%S")
        words.append(_("Started %(at)s UTC, took %(took)s.") % {"at": began, "took": duration(cell.seconds)})
    if cell.expected:
        words.append(_("Expected: %(time)s.") % {"time": duration(cell.expected)})
    return " ".join(map(str, words))


@register.filter
def bar_times(bar: Bar) -> str:
    """The step of a bar in the timeline, how long it took and what it waited for; in full, for a tooltip."""
    where = f" · {bar.host}" if bar.host else ""
    words = [f"{bar.title}{where}: {duration(bar.seconds)}"]
    if bar.slowest:
        slowest = {"title": bar.slowest[0], "time": duration(bar.slowest[1])}
        words.append(gettext("the slowest was “%(title)s” with %(time)s") % slowest)
    if bar.waited_for:
        before = {"step": bar.waited_for[0], "host": bar.waited_for[1]}
        words.append(gettext("waited for %(step)s on %(host)s") % before)
    return "; ".join(words)


@register.filter
def plain(text: str) -> str:
    """A printed line without the color codes of terminals."""
    return plain_text(str(text))


@register.filter
def unlocal(number: float) -> str:
    """A coordinate: always with a point, whatever the language."""
    return f"{number:g}"


@register.filter
def add_to(number: float, more: float) -> float:
    """The sum of two coordinates; Django's `add` supports only whole numbers."""
    return float(number) + float(more)


@register.filter
def gibibytes(megabytes: float | None) -> str:
    """Sizes of memory and disks for people."""
    return f"{megabytes / 1024:.1f} GiB" if megabytes else "–"


@register.filter
def skew(seconds: float | str | None) -> str:
    """How far a machine's clock is off."""
    if not isinstance(seconds, int | float):
        return "–"
    if abs(seconds) < 1:
        return str(_("correct"))
    words = _("%(seconds).1f s fast") if seconds > 0 else _("%(seconds).1f s slow")
    return str(words % {"seconds": abs(seconds)})
