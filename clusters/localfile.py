"""Reading a file of this server that somebody else names: a regular file, and no more of it than was agreed."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Opening must not wait for a writer of a FIFO, nor take a terminal.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def read_regular(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises OSError, with a reason in words: also for a FIFO, a device or a directory, of which nothing is read.
    """
    # Opening a device can have an effect by itself, so a name that leads to one is not opened.
    _regular(path.stat())
    with os.fdopen(os.open(path, _FLAGS), "rb") as opened:
        _regular(os.fstat(opened.fileno()))
        content = opened.read(most + 1)
    if content is None or len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes")
    return content


def read_start(path: Path, most: int) -> str:
    """The text of a file or a pipe that somebody at the terminal names; of one that is too long so much that it shows.

    Raises OSError and UnicodeDecodeError.
    """
    with path.open("rb") as opened:
        content = opened.read(most + 1)
    return content.decode("utf-8", "strict" if len(content) <= most else "replace")


def _regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
