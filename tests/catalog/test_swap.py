"""Swap stays off after a reboot: units of systemd and services that create it are masked, and fstab is edited."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from clusters.engine.step import STEPS
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SYSTEMCTL = """#!/bin/sh
cd {home}
case "$*" in
  *list-units*zram*) echo 'systemd-zram-setup@zram0.service loaded active exited x' ;;
  *list-units*) echo 'dev-zram0.swap loaded active active x'; echo 'dev-sdb1.swap not-found inactive dead x' ;;
  *list-unit-files*zramswap.service) echo 'zramswap.service enabled enabled' ;;
  *list-unit-files*type=swap) echo 'data.swap enabled enabled'; echo 'old.swap disabled enabled' ;;
  is-enabled*) if [ -e "masked-$2" ]; then echo masked
    else case $2 in old.swap) echo disabled ;; dev-sdb1.swap) ;; *) echo enabled ;; esac; fi ;;
  mask*) touch "masked-$2" ;;
esac
"""


def test_units_and_zram_that_turn_on_swap_are_masked(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "systemctl").write_text(SYSTEMCTL.format(home=tmp_path))
    (tmp_path / "systemctl").chmod(0o755)
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine, host = cluster.machine("node2"), hosts["node2"]
    *_, want = STEPS.steps["os/swap"].body(machine, cluster)
    want.seen(machine)
    want.reach(machine)
    look, act = host.commands[-2:]

    def run(command: str) -> subprocess.CompletedProcess[str]:
        surroundings = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        text = command.replace("/etc/systemd/system", str(tmp_path / "units"))
        return subprocess.run(["sh", "-c", text], capture_output=True, text=True, env=surroundings, check=False)

    (tmp_path / "units").mkdir()
    (tmp_path / "units" / "data.swap").write_text("[Swap]\nWhat=/data/swap\n")
    before = run(look)
    assert before.returncode == 1
    assert (
        before.stdout.split(" would ")[0]
        == "data.swap dev-zram0.swap systemd-zram-setup@zram0.service zramswap.service"
    )
    assert run(act).returncode == 0
    assert run(look).returncode == 0
    masked = {path.name.removeprefix("masked-") for path in tmp_path.glob("masked-*")}
    assert masked == {*before.stdout.split(" would ")[0].split(), "swap.target"}
    assert (tmp_path / "units" / "data.swap.before-slipway").read_text().startswith("[Swap]")


def test_a_line_of_fstab_that_ends_with_swap_counts(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    _, want, _ = STEPS.steps["os/swap"].body(cluster.machine("node2"), cluster)
    want.seen(cluster.machine("node2"))
    text = hosts["node2"].commands[-1]
    pattern = text.split("grep -Eq ")[1].split("'")[1]
    assert subprocess.run(["grep", "-Eq", pattern], input=b"/dev/sda2 none swap\n", check=False).returncode == 0
