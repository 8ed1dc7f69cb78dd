"""The lines of a service's journal that explain a failure; they are shown with the failed step."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clusters.errors import InstallerError
from clusters.remote.errors import CommandTimedOut
from clusters.remote.host import CommandFailed
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.machine import Machine

READ_LINES, SHOWN_LINES, LONGEST_LINE = 200, 8, 500
OUTPUT_LINES = 10
"""Of the failed command itself, beside these."""

_HEADER = re.compile(r"^(?P<level>[IWEF])\d{4} [\d:.]+ +\d+ (?P<place>[\w.-]+:\d+)\] ?")
"""The header of a line of Kubernetes' log. Source: klog."""

_MATTERS = re.compile(
    r"\b(?:error|fail|failed|failure|fatal|panic|refused|denied|invalid|unknown|cannot|unable)\b|\berr=", re.I
)
_EXITED = re.compile(r"Main process exited|Failed with result|Start request repeated")
"""systemd's own lines about the unit."""


def journal_of(machine: Machine, unit: str) -> tuple[str, ...]:
    """The newest different lines of the unit's journal that report errors, else its last lines; the oldest first."""
    try:
        answer = machine.ask(sh("journalctl -u {} -n {} -o cat --no-pager 2>/dev/null", unit, READ_LINES))
    except InstallerError:
        # The failure itself is what matters: a machine that is gone has no journal.
        return ()
    lines = answer.last_lines(READ_LINES) if answer.ok else ()
    return important(lines) or tuple(line[:LONGEST_LINE] for line in lines[-SHOWN_LINES:] if line.strip())


def important(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The newest different lines that report errors. The same message at another time is the same line."""
    found: dict[str, str] = {}
    for line in reversed(lines):
        header = _HEADER.match(line)
        if header is not None and header["level"] == "I":
            continue
        if (header is not None and header["level"] in "EF") or _MATTERS.search(line) or _EXITED.search(line):
            found.setdefault(line[header.end() :] if header is not None else line, line[:LONGEST_LINE])
        if len(found) == SHOWN_LINES:
            break
    return tuple(reversed(found.values()))


@contextmanager
def explained_by(machine: Machine, unit: str) -> Iterator[None]:
    """A command that fails inside gets the unit's journal beside its own last lines, in the log and with the step."""
    try:
        yield
    except (CommandFailed, CommandTimedOut) as error:
        journal = journal_of(machine, unit)
        for line in journal:
            machine.note(f"{unit}: {line}")
        if journal:
            error.lines = (*error.result.last_lines(OUTPUT_LINES), *(f"{unit}: {line}" for line in journal))
        raise
