"""log_hits(): the number of matching lines in a log, and the position of one of them: 3 of 17, within a time limit."""

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
    """`count` lines match; at least so many when they are not `all`. The given line is number `place` of them; None if
    the count did not reach it."""

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
    """Count the matching lines after `after_line`, up to the end of the log as `run` knows it.

    Counting stops after `seconds`. By then the database has found rare hits; for frequent ones nobody needs the exact
    number.
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
