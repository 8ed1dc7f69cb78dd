"""Files of this machine that only Slipway's user may read: database and keys, in any directory."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private(path: Path, *, create: bool = False) -> None:
    """Set mode 0600 of an existing file; `create` makes an empty one if it is missing.

    Never fails: `is_private` finds files that cannot be changed, and `manage.py check` reports them.
    """
    with suppress(OSError):
        if create:
            # Created with its mode, so that others can't open it at any moment.
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        if not is_private(path):
            path.chmod(0o600)


def is_private(path: Path) -> bool:
    """Whether only the owner may read or write a file; true for a missing one."""
    try:
        return not path.stat().st_mode & OTHERS
    except FileNotFoundError:
        return True


def sqlite_files(path: Path) -> list[Path]:
    """The files of a SQLite database: itself, its write-ahead log, its shared memory, and its journal."""
    return [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))]
