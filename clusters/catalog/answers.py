"""object_of(): what a program on a machine answered as JSON, or a sentence that says why it cannot be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clusters.engine.wants import NoAnswer

if TYPE_CHECKING:
    from clusters.remote.host import Result

LARGEST = 2 * 1024 * 1024
"""Bytes of a command's output that are kept: its first and its last MiB (see clusters/remote/session/output.py)."""


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
            f"{answer.host} answered with more than 2 MiB about {what}, of which Slipway reads only the ends.",
            hint="Nodes that keep many images, or have large annotations, make it so large: remove what nobody needs.",
            retryable=False,
        )
    start = " ".join(answer.stdout[:60].split()) or "nothing"
    return NoAnswer(
        f"{answer.host} was asked about {what}; expected JSON, found: {start}",
        hint="Retry when the API server answers; if this stays, run the command by hand.",
    )
