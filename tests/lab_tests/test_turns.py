"""Whoever measures is alone, and is not kept waiting by those who come later."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import sys, time
from pathlib import Path
from tests.lab.turns import turn
with turn(Path(sys.argv[1]), alone=sys.argv[2] == "alone"):
    print(time.monotonic(), flush=True)
    sys.stdin.read()
    print(time.monotonic(), flush=True)
"""


def comes(folder: Path, how: str) -> subprocess.Popen[str]:
    """A process that stays until its input ends, and says when it came in and when it went."""
    arguments = [sys.executable, "-c", SCRIPT, str(folder), how]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def when(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None
    return float(process.stdout.readline())


def the_door_is_held(folder: Path) -> bool:
    with (folder / "turn-door.lock").open("a") as door:
        try:
            fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_others_share_and_whoever_is_alone_waits_for_them_and_lets_nobody_pass(tmp_path: Path) -> None:
    one, other = comes(tmp_path, "shared"), comes(tmp_path, "shared")
    assert when(one) and when(other), "two that share are in at once"
    alone = comes(tmp_path, "alone")
    until = time.monotonic() + 20
    while not the_door_is_held(tmp_path):
        assert time.monotonic() < until
        time.sleep(0.02)
    late = comes(tmp_path, "shared")
    for process in (one, other, alone, late):
        assert process.stdin is not None
        process.stdin.close()
    left = [when(one), when(other)]
    assert when(alone) >= max(left)
    gone = when(alone)
    assert when(late) >= gone
    for process in (one, other, alone, late):
        assert process.wait(20) == 0
        assert process.stdout is not None
        process.stdout.close()
