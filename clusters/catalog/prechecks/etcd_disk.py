"""etcd.fsync_p90: the disk under etcd's data writes quickly enough."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.engine.check import precheck, warning
from clusters.numbers import decimal_number
from clusters.remote.shell import Command, sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

LIMIT_MS = 10.0
"""Milliseconds for a write to be on the disk. Source: etcd's documentation, "Hardware recommendations" and "FAQ"."""

WRITES, SIZE, SECONDS = 50, 2300, 5
"""As many bytes as a usual entry of etcd's log has, and no longer than so many seconds. Source for the size: etcd's
advice on measuring a disk with fio."""


@precheck(
    "etcd.fsync_p90",
    on="etcd-member",
    fix="Put etcd's data (etcd.dataDir) on an SSD of its own, or let nothing else write to this one.",
)
def fsync(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The disk is quick enough for etcd"""
    times = sorted(_seconds(machine.ask(writing(cluster.document.etcd.data_dir), timeout=SECONDS + 10).stdout))
    if not times:
        machine.note("not measured: dd with oflag=dsync did not work there")
        return
    p90 = 1000 * times[min(len(times) - 1, len(times) * 9 // 10)]
    told = f"of {len(times)} synchronous writes nine in ten took up to {p90:.1f} ms"
    machine.note(told)
    if p90 > LIMIT_MS:
        yield warning(f"On {machine.name} {told}; etcd wants {LIMIT_MS:.0f} ms at most.")


def writing(directory: str) -> Command:
    """Write over a small file again and again, each time until it is on the disk; the file is gone afterwards.

    It is made in the directory, or in the one above it that is there. dd itself tells how long each write took.
    """
    return sh(
        "at={}; while [ ! -d $at ]; do at=$(dirname $at); done\n"
        "file=$(mktemp $at/.slipway-XXXXXX) || exit 0; trap 'rm -f $file' EXIT\n"
        "dd if=/dev/zero of=$file bs={} count={} conv=fsync 2>/dev/null || exit 0\n"
        "timeout {} sh -c 'n=0; while [ $n -lt {} ]; do"
        " dd if=/dev/zero of=$0 bs={} count=1 seek=$n oflag=dsync conv=notrunc 2>&1; n=$((n+1)); done' $file\nexit 0",
        directory,
        SIZE,
        WRITES,
        SECONDS,
        WRITES,
        SIZE,
    )


def _seconds(text: str) -> list[float]:
    """From each line like `2300 bytes (2.3 kB, 2.2 KiB) copied, 0.000812 s, 2.8 MB/s`; busybox says `seconds`."""
    found = map(decimal_number, re.findall(r"copied, ([0-9.e+-]+) s", text))
    return [each for each in found if each is not None]
