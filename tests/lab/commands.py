"""Running the machine's own programs, with errors that show the command and its output."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from clusters.errors import InstallerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TAIL_LINES = 25


class LabError(InstallerError):
    """The lab cannot do what was requested."""


def tail(text: str) -> str:
    """The last lines of an output, which usually contain the cause of an error."""
    return "\n".join(text.rstrip().splitlines()[-TAIL_LINES:])


def run(
    argv: Sequence[str | Path],
    *,
    log: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> str:
    """Run a program to its end and return its output; with `log` the output goes there instead.

    `env` is added to the environment. Raises LabError with the end of the output when the program fails.
    """
    words = [str(word) for word in argv]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    if log is not None:
        with log.open("a") as sink:
            sink.write(f"$ {' '.join(words)}\n")
            sink.flush()
            done = subprocess.run(
                words, input=stdin, text=True, cwd=cwd, env=environment, stdout=sink, stderr=subprocess.STDOUT
            )
        output = "" if done.returncode == 0 else log.read_text(errors="replace")
    else:
        done = subprocess.run(words, input=stdin, text=True, cwd=cwd, env=environment, capture_output=True)
        output = done.stdout + done.stderr
    if done.returncode != 0:
        hint = f"The whole output is in {log}." if log is not None else ""
        raise LabError(f"{words[0]} ended with {done.returncode}: {' '.join(words)}\n{tail(output)}", hint=hint)
    return "" if log is not None else done.stdout
