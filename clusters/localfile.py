"""Reads a file of this server whose path comes from outside: only regular files, up to a size limit."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

from clusters.errors import InstallerError

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


def text_of(name: str, most: int) -> str:
    """The text of a file, or of standard input for `-`; at most `most` + 1 bytes. Raises InstallerError."""
    shown = "stdin" if name == "-" else name
    try:
        if name != "-":
            return read_start(Path(name), most)
        content = sys.stdin.buffer.read(most + 1) if hasattr(sys.stdin, "buffer") else sys.stdin.read(most + 1).encode()
        return _decoded(content, most)
    except OSError as problem:
        raise InstallerError(f"Cannot read {shown}: {problem.strerror or problem}.") from problem
    except UnicodeDecodeError as problem:
        raise InstallerError(
            f"{shown} is not UTF-8 text{_encoding_of(problem.object)}.", hint="Save it as UTF-8 without other changes."
        ) from problem


def _encoding_of(content: bytes) -> str:
    """What it probably is instead."""
    return ", but UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ""


def read_start(path: Path, most: int) -> str:
    """The text of a file or a pipe given on the command line; at most `most` + 1 bytes, so that excess is detectable.

    Raises OSError and UnicodeDecodeError.
    """
    with path.open("rb") as opened:
        content = opened.read(most + 1)
    return _decoded(content, most)


def _decoded(content: bytes, most: int) -> str:
    return content.decode("utf-8", "strict" if len(content) <= most else "replace")


def _regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
