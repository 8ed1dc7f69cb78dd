"""Lines of a log as text: without the codes that colour a terminal."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusters.selectors.log import LogLine

# Colours and cursor movements (ECMA-48 control sequences), titles of windows, and single control characters.
CODES = re.compile(
    r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]|[\x00-\x08\x0b-\x1f\x7f]"
)


def plain_text(text: str) -> str:
    """The text as a terminal without colours would show it."""
    return CODES.sub("", text) if not text.isprintable() else text


def line_as_text(line: LogLine, *, times: bool = True) -> str:
    """A line of a log file; with `times` it begins with the moment in UTC and the machine."""
    said = plain_text(line.text)
    if not times:
        return f"{said}\n"
    at = datetime.fromtimestamp(line.at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{at} {line.host or '-'} {said}\n"
