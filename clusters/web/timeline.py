"""drawing(): a timeline as boxes, lines and ticks in pixels, for the template that writes the SVG."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from clusters.engine.check import PRECHECK

if TYPE_CHECKING:
    from clusters.selectors.timeline import Bar, Timeline

WIDTH, LEFT, RIGHT, TOP = 1180, 148, 16, 28
BAR, GAP, LANE_GAP = 16, 3, 11
# Seconds between two ticks.
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
MOST_TICKS = 10
# A character of the labels, in pixels, more or less.
CHARACTER = 6.2


@dataclass(frozen=True, slots=True)
class Box:
    """One bar in pixels; `label` is the text that fits into it."""

    bar: Bar
    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """All boxes; `links` are the lines of the critical path, `ticks` (x, seconds), `lanes` (y, height, machine)."""

    width: int = WIDTH
    height: int = TOP
    boxes: list[Box] = field(default_factory=list)
    links: list[tuple[float, float, float, float]] = field(default_factory=list)
    ticks: list[tuple[float, int]] = field(default_factory=list)
    lanes: list[tuple[float, float, str]] = field(default_factory=list)


def drawing(timeline: Timeline) -> Drawing:
    """Place everything."""
    if not timeline.lanes:
        return Drawing()
    scale = (WIDTH - LEFT - RIGHT) / timeline.seconds
    y = float(TOP)
    boxes: list[Box] = []
    lanes: list[tuple[float, float, str]] = []
    for lane in timeline.lanes:
        height = lane.rows * (BAR + GAP) - GAP
        lanes.append((y, height, lane.host))
        boxes += [_box(bar, y, scale) for bar in lane.bars]
        y += height + LANE_GAP
    places = {(box.bar.step, box.bar.host): box for box in boxes}
    found = [places.get((bar.step, bar.host)) or places.get((PRECHECK, bar.host)) for bar in timeline.chain]
    chain = [box for box, _same in itertools.groupby(box for box in found if box is not None)]
    links = [
        (round(first.x + first.width, 1), first.y + BAR / 2, then.x, then.y + BAR / 2)
        for first, then in itertools.pairwise(chain)
    ]
    pace = next((step for step in STEPS if timeline.seconds / step <= MOST_TICKS), STEPS[-1])
    ticks = [(round(LEFT + at * scale, 1), at) for at in range(0, int(timeline.seconds) + 1, pace)]
    return Drawing(WIDTH, int(y), boxes, links, ticks, lanes)


def _box(bar: Bar, y: float, scale: float) -> Box:
    width = max(2.0, bar.seconds * scale)
    label = _label(bar, int((width - 10) / CHARACTER))
    return Box(bar, round(LEFT + bar.start * scale, 1), y + bar.row * (BAR + GAP), round(width, 1), BAR, label)


def _label(bar: Bar, fits: int) -> str:
    """The label of a bar that has room for `fits` characters."""
    if bar.slowest is not None:
        whole = gettext("%(title)s, slowest: %(slowest)s") % {"title": bar.title, "slowest": bar.slowest[0]}
        if len(whole) <= fits:
            return whole
    if len(bar.title) <= fits:
        return bar.title
    return f"{bar.title[: fits - 1].rstrip()}…" if fits > 6 else ""
