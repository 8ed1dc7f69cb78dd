"""Reads a file of this server whose path comes from outside: only regular files, up to a size limit."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Opening must not wait for a writer of a FIFO, nor make a terminal the controlling one.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def read_regular(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises OSError with a readable reason, also for a FIFO, a device or a directory, which are not read.
    """
    # Opening a device can have side effects, so devices are not opened.
    _regular(path.stat())
    with os.fdopen(os.open(path, _FLAGS), "rb") as opened:
        _regular(os.fstat(opened.fileno()))
        content = opened.read(most + 1)
    if content is None or len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes")
    return content


def read_start(path: Path, most: int) -> str:
    """The text of a file or a pipe given on the command line; at most `most` + 1 bytes, so that excess is detectable.

    Raises OSError and UnicodeDecodeError.
    """
    with path.open("rb") as opened:
        content = opened.read(most + 1)
    return content.decode("utf-8", "strict" if len(content) <= most else "replace")


def _regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
