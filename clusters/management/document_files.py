"""Reads the text of a document that a command names, and reports in a sentence why that is not possible."""

from __future__ import annotations

import sys
from pathlib import Path

from clusters.errors import InstallerError
from clusters.localfile import read_start


def text_of(name: str, most: int) -> str:
    """The text of a file, or of standard input for `-`; at most `most` + 1 bytes. Raises InstallerError."""
    shown = "stdin" if name == "-" else name
    try:
        return _of_stdin(most) if name == "-" else read_start(Path(name), most)
    except OSError as problem:
        raise InstallerError(f"Cannot read {shown}: {problem.strerror or problem}.") from problem
    except UnicodeDecodeError as problem:
        raise InstallerError(
            f"{shown} is not UTF-8 text{_encoding_of(problem.object)}.", hint="Save it as UTF-8 without other changes."
        ) from problem


def _of_stdin(most: int) -> str:
    if not hasattr(sys.stdin, "buffer"):
        return sys.stdin.read(most + 1)
    content: bytes = sys.stdin.buffer.read(most + 1)
    return content.decode("utf-8", "strict" if len(content) <= most else "replace")


def _encoding_of(content: bytes) -> str:
    """What it probably is instead."""
    return ", but UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
