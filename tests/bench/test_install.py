"""The bench of an installation: its parts that need no machines."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from clusters.catalog.kubeadm import init_configuration
from clusters.config.load import load
from tests.bench import bench_install
from tests.bench.install_measured import PHASES, SCRIPT, StepTime, Took, _phases
from tests.catalog.pretend import ADDRESSES, pretend
from tests.ha.layouts import THREE_MACHINES
from tests.lab.hosts import LabHost

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


def test_the_script_gives_kubeadm_what_the_recipe_gives_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A recipe that changed alone is found here, and not by whoever measures next."""
    hosts = [LabHost(name, address) for name, address in ADDRESSES.items()]
    document = load(THREE_MACHINES.write(hosts, tmp_path / "document.yaml").read_text()).document
    cluster = pretend(monkeypatch, tmp_path / "archive", document)[0]
    script = SCRIPT.read_text()
    settings = "\n".join(re.findall(r"^(?:version|pods|services|etcd_pki)=\S+$", script, re.MULTILINE))
    addresses = " ".join(f"[{name}]={address}" for name, address in ADDRESSES.items())
    text = script.partition("tee $kubeadm_config >/dev/null <<EOF\n")[2].partition("\nEOF\n")[0]
    written = subprocess.run(
        ["bash", "-euc", f"{settings}\ndeclare -A address=({addresses})\ncat <<EOF\n{text}\nEOF\n"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    ours = init_configuration(cluster.machine("node1"), cluster)
    assert _of_the_cluster(written.stdout) == _of_the_cluster(ours)


def _of_the_cluster(text: str) -> dict[str, object]:
    """The part of kubeadm's file that no machine's kernel has a say in."""
    return next(each for each in yaml.safe_load_all(text) if each["kind"] == "ClusterConfiguration")


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
