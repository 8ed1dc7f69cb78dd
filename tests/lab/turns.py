"""turn(): tests that measure how long something is away have the machine to themselves; others run beside each other."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """Wait for nobody else, or for nobody who is alone, and keep it so for the block.

    Who waits to be alone holds the door: nobody comes in before him, or he would wait for ever.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "turn-door.lock").open("a") as door, (folder / "turn.lock").open("a") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield
