"""Lines of a log as text, without the color codes of terminals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from clusters.plaintext import plain_text

if TYPE_CHECKING:
    from clusters.selectors.log import LogLine


def line_as_text(line: LogLine, *, times: bool = True) -> str:
    """A line of a log file; with `times` it starts with the time in UTC and the machine."""
    text = plain_text(line.text)
    if not times:
        return f"{text}\n"
    at = datetime.fromtimestamp(line.at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{at} {line.host or '-'} {text}\n"
