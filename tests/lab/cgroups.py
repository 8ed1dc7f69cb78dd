"""Control groups of lab hosts: a host has one group in every hierarchy, so that its systemd sees itself as the root."""

from __future__ import annotations

import errno
import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.commands import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOUNT = Path("/sys/fs/cgroup")
KILL_SECONDS = 15.0


def hierarchies() -> list[Path]:
    """The version 1 hierarchies of this machine. Raises LabError where there are none."""
    found = [path for path in sorted(MOUNT.iterdir()) if (path / "cgroup.procs").exists() and not path.is_symlink()]
    if not found or (MOUNT / "cgroup.procs").exists():
        raise LabError(
            f"the lab's hosts need control groups of version 1 below {MOUNT}, this machine has version 2 only",
            hint="Boot the machine with systemd.unified_cgroup_hierarchy=0, or use a virtual machine that does.",
        )
    return found


def make(group: str) -> list[Path]:
    """Make the group in every hierarchy, ready to take processes; returns its directories."""
    places = []
    for hierarchy in hierarchies():
        place = hierarchy / group
        place.mkdir(parents=True, exist_ok=True)
        if (hierarchy / "cpuset.cpus").exists():
            _hand_down_cpus(hierarchy, place)
        places.append(place)
    return places


def _hand_down_cpus(hierarchy: Path, place: Path) -> None:
    """A cpuset group accepts no process before it has CPUs and memory nodes."""
    parts = place.relative_to(hierarchy).parts
    for depth in range(1, len(parts) + 1):
        current = hierarchy.joinpath(*parts[:depth])
        for name in ("cpuset.cpus", "cpuset.mems"):
            (current / name).write_text((current.parent / name).read_text())
        (current / "cgroup.clone_children").write_text("1")


def processes(group: str) -> set[int]:
    """Every process in the group or below it."""
    found: set[int] = set()
    for hierarchy in hierarchies():
        for folder, _, names in os.walk(hierarchy / group):
            if "cgroup.procs" in names:
                found |= _listed(Path(folder) / "cgroup.procs")
    return found


def _listed(path: Path) -> set[int]:
    try:
        return {int(word) for word in path.read_text().split()}
    except OSError as error:
        # A group that is removed while it is read is missing, or gives "no such device".
        if error.errno in (errno.ENOENT, errno.ENODEV):
            return set()
        raise


def processor_seconds(group: str) -> float:
    """Seconds of processor time that the group and those below it have used since their creation."""
    return int((MOUNT / "cpuacct" / group / "cpuacct.usage").read_text()) / 1e9


@contextmanager
def counted(group: str) -> Iterator[None]:
    """Inside, the group also counts the usage of this process and of those it starts."""
    make(group)
    place = MOUNT / "cpuacct"
    before = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if ":cpuacct:" in line)
    (place / group / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        (place / before.rpartition(":")[2].lstrip("/") / "cgroup.procs").write_text(str(os.getpid()))


def memory(group: str) -> int:
    """Bytes of memory the group uses, caches included."""
    usage = MOUNT / "memory" / group / "memory.usage_in_bytes"
    return int(usage.read_text()) if usage.exists() else 0


def kill(group: str) -> None:
    """Kill every process of the group at once, as a pulled plug does, and wait until none is left."""
    deadline = time.monotonic() + KILL_SECONDS
    while living := processes(group):
        for process in living:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > deadline:
            raise LabError(f"processes of {group} outlive SIGKILL: {sorted(living)}")
        time.sleep(0.02)


def remove(group: str) -> None:
    """Remove the group, which has no processes left, from every hierarchy; a group that is not there is fine."""
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy / group, topdown=False):
            _remove_one(Path(folder))


def _remove_one(folder: Path) -> None:
    """The kernel frees a killed group a moment after its last process is gone."""
    deadline = time.monotonic() + KILL_SECONDS
    while folder.exists():
        try:
            folder.rmdir()
        except OSError as error:
            if time.monotonic() > deadline:
                raise LabError(f"{folder} cannot be removed: {error.strerror}") from error
            time.sleep(0.02)
