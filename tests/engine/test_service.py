"""A service is restarted when a file it depends on is newer than its start, as exactly as its systemd reports that."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from clusters.engine.machine import FactsOnce, Machine
from clusters.engine.wants import service
from clusters.remote.host import Cancel
from tests.catalog.pretend import Kept, seed
from tests.fake_host import FakeHost

if TYPE_CHECKING:
    from pathlib import Path

SYSTEMCTL = """#!/bin/sh
case "$*" in
  *--timestamp=us+utc*) {precise} ;;
  *ExecMainStartTimestamp*) echo "Tue 2026-11-24 03:39:51 UTC" ;;
esac
"""
PRECISE = 'echo "Tue 2026-11-24 03:39:51.334548 UTC"'
OLD = "echo unrecognized option >&2; exit 1"
STARTED = 1795491591_334548000
"""03:39:51.334548 in nanoseconds since the epoch."""


def is_fresh(folder: Path, systemd: str, changed: int) -> bool:
    """Whether a service that started at 03:39:51.334548 counts as started after a file that changed then."""
    (folder / "systemctl").write_text(SYSTEMCTL.format(precise=systemd))
    (folder / "systemctl").chmod(0o755)
    path = folder / "settings"
    path.write_text("")
    os.utime(path, ns=(changed, changed))
    host = FakeHost("node1")
    machine = Machine(seed().hosts[0], host, sink=Kept(), cancel=Cancel(), facts=FactsOnce())
    service("thing", restart_for=(str(path),)).seen(machine)
    done = subprocess.run(
        ["/bin/sh", "-c", host.ran[0].command], env={"PATH": f"{folder}:{os.environ['PATH']}"}, capture_output=True
    )
    assert done.returncode == 0 or b"settings is newer" in done.stdout, done
    return done.returncode == 0


@pytest.mark.parametrize(("before", "fresh"), [(2_000_000_000, True), (1_000_000, True), (-1_000_000, False)])
def test_a_new_systemd_is_asked_for_microseconds(before: int, fresh: bool, tmp_path: Path) -> None:
    assert is_fresh(tmp_path, PRECISE, STARTED - before) is fresh


@pytest.mark.parametrize(("before", "fresh"), [(2_000_000_000, True), (1_000_000, False), (-1_000_000_000, False)])
def test_with_an_older_systemd_the_same_second_is_too_old(before: int, fresh: bool, tmp_path: Path) -> None:
    assert is_fresh(tmp_path, OLD, STARTED - before) is fresh
