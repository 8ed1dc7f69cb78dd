"""object_of(): the JSON that a program on a machine printed, or an error that explains why it cannot be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clusters.engine.wants import NoAnswer

if TYPE_CHECKING:
    from clusters.remote.host import Result

LARGEST = 2 * 1024 * 1024
"""Bytes of a command's output that are stored: its first and its last MiB (see clusters/remote/session/output.py)."""


def object_of(answer: Result, what: str) -> dict[str, Any]:
    """The JSON object that a command printed; `what` names it for people. Raises NoAnswer for anything else."""
    try:
        found = json.loads(answer.stdout)
    except (ValueError, RecursionError) as error:
        raise _unreadable(answer, what) from error
    if not isinstance(found, dict):
        raise _unreadable(answer, what)
    return found


def _unreadable(answer: Result, what: str) -> NoAnswer:
    if len(answer.stdout.encode("utf-8", "surrogatepass")) >= LARGEST:
        return NoAnswer(
            f"{answer.host} printed more than 2 MiB about {what}; Slipway stores only the first and the last MiB.",
            hint="Nodes with many images or large annotations cause this: remove those that are not needed.",
            retryable=False,
        )
    start = " ".join(answer.stdout[:60].split()) or "nothing"
    return NoAnswer(
        f"The command about {what} on {answer.host} was expected to print JSON; found: {start}",
        hint="Retry when the API server answers; if the error persists, run the command by hand.",
    )
