"""log_hits(): how many lines of a log fit what is searched for, and which of them one is: 3 of 17, soon or not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.selectors.log import fitting
from clusters.selectors.log_search import BadPattern

if TYPE_CHECKING:
    from clusters.models import Run
    from clusters.selectors.log_search import Needle


@dataclass(frozen=True, slots=True)
class Hits:
    """So many lines fit, and at least so many where they are not `all`. The line that was asked about is number `place`
    of them; None where the counting did not come to it."""

    count: int
    all: bool
    place: int | None


def log_hits(
    run: Run,
    *,
    after_line: int = 0,
    line: int = 0,
    search: str | Needle,
    host: str = "",
    step: str = "",
    stream: str = "",
    seconds: float,
) -> Hits:
    """Count the lines after `after_line` that fit, up to the end of the log as `run` knows it.

    Counting stops after so many seconds. What is rare the database finds by then; what is everywhere nobody has to
    know to the last line.
    """
    until = time.monotonic() + seconds
    count = before = seen = 0
    whole = True
    parts = fitting(run, after_line, run.last_line + 1, host=host, step=step, stream=stream, search=search)
    try:
        for lines in parts:
            count += len(lines)
            before += sum(one.number <= line for one in lines)
            seen = lines[-1].number if lines else seen
            if time.monotonic() > until:
                whole = False
                break
    except BadPattern:
        whole = False
    return Hits(count, whole, before if line and (whole or seen >= line) else None)
