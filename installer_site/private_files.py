"""Files of this machine that only Slipway's user may read: database and keys, whatever folder they are in."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private(path: Path, *, create: bool = False) -> None:
    """Mode 0600 for a file that is there; `create` makes an empty one where there is none.

    Never fails: what cannot be changed is found by `is_private`, and `manage.py check` says it.
    """
    with suppress(OSError):
        if create:
            # Made with its mode, so that there is no moment at which others can open it.
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        if not is_private(path):
            path.chmod(0o600)


def is_private(path: Path) -> bool:
    """Whether nobody but the owner may read or write a file; also when there is none."""
    try:
        return not path.stat().st_mode & OTHERS
    except FileNotFoundError:
        return True


def sqlite_files(path: Path) -> list[Path]:
    """The files of a SQLite database: itself, its write-ahead log, what processes share of it, and its journal."""
    return [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))]
