"""The bench of an installation: its parts that need no machines."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.bench import bench_install
from tests.bench.install_measured import PHASES, SCRIPT, StepTime, Took, _phases

if TYPE_CHECKING:
    from pathlib import Path

STEPS = [
    StepTime("precheck/os.systemd", "node1", 101, 102),
    StepTime("images/load", "node2", 103, 140),
    StepTime("kubernetes/init", "node1", 110, 125),
    StepTime("kubernetes/join", "node2", 141, 150),
    StepTime("kubernetes/join", "node3", 125, 148),
    StepTime("network/bridge", "node3", 150, 153),
    StepTime("finish/ready", "node1", 153, 160),
]


def test_phases_of_slipway_are_between_the_same_events_as_those_of_the_script() -> None:
    assert _phases(STEPS, 100, 161) == {
        "prepared": 10,
        "control-plane": 15,
        "joined": 25,
        "network": 3,
        "ready": 8,
    }


def test_a_line_says_how_long_it_took_and_how_busy_the_machine_was() -> None:
    line = Took(100, 61, 30, 4, 0.5, _phases(STEPS, 100, 161)).line("slipway")
    assert line.startswith("slipway    61.0 s, prepared 10.0,") and line.endswith("load before it 0.50")


def test_steps_are_told_from_the_first_machines_begin_to_the_last_ones_end() -> None:
    assert "   24.0    49.0  kubernetes/join (node2 9.0, node3 23.0)" in bench_install._told(STEPS)


def test_the_script_is_one_that_bash_understands_and_says_every_phase() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)
    assert os.access(SCRIPT, os.X_OK)
    said = [line.split()[1] for line in SCRIPT.read_text().splitlines() if line.startswith("phase ")]
    assert tuple(said) == PHASES


def test_without_a_lab_it_says_so_and_measures_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SLIPWAY_LAB_CACHE", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    assert list(bench_install.rows()) == []
    assert "the lab cannot be had" in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    with pytest.raises(RuntimeError, match="the lab cannot be had"):
        list(bench_install.rows())
