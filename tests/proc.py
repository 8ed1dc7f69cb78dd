"""The processes of this machine, read while others start and end."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")
_COUNTED = itertools.count(7001)


def processes(proc: Path = PROC) -> Iterator[int]:
    """The numbers of all processes.

    `Path.glob("[0-9]*/stat")` checks whether each file exists, and raises where a process ends at that moment.
    """
    for place in proc.iterdir():
        if place.name.isdecimal():
            yield int(place.name)


def read(pid: int, name: str, proc: Path = PROC) -> bytes:
    """A file of a process; empty if the process has ended, or the file may not be read."""
    try:
        return (proc / str(pid) / name).read_bytes()
    except OSError:
        return b""


def words_of(pid: int) -> list[str]:
    """The command line of a process."""
    return read(pid, "cmdline").decode("utf-8", "replace").split("\0")[:-1]


def state_of(pid: int) -> str:
    """The letter of its state, such as `Z` for a zombie; empty if the process has ended."""
    return "".join(_after_the_name(pid)[:1])


def parent_of(pid: int) -> int:
    """Its parent; 0 if the process has ended."""
    return int("".join(_after_the_name(pid)[1:2]) or 0)


def children_of(pid: int) -> list[int]:
    """Its children."""
    return [child for child in processes() if parent_of(child) == pid]


def descendants_of(pid: int) -> list[int]:
    """Its children and their descendants."""
    parents = {child: parent_of(child) for child in processes()}
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found[1:]


def own_seconds() -> str:
    """A number of seconds, about two hours, that no other test uses for its `sleep`, in this process or another."""
    return f"{next(_COUNTED)}.{os.getpid()}"


def running(seconds: str) -> list[int]:
    """The processes that sleep for this long, except shells with that text in their command line."""
    return [pid for pid in processes() if words_of(pid)[:2] == ["sleep", seconds]]


def gone(seconds: str, within: float = 60) -> bool:
    """Whether all processes that sleep for this long have ended, or end soon."""
    deadline = time.monotonic() + within
    while running(seconds) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not running(seconds)


def _after_the_name(pid: int) -> list[str]:
    """The fields of `stat` from the third on: the second is a name, in which anything may be."""
    return read(pid, "stat").decode("utf-8", "replace").rpartition(")")[2].split()
