"""The bench of an installation: its parts that need no machines."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest
import yaml

from clusters.catalog.kubeadm import init_configuration, join_configuration
from clusters.catalog.runtimes import containerd
from clusters.config.kubernetes_versions import facts_of
from clusters.config.load import load
from clusters.config.secret import Secret
from tests.bench import bench_install
from tests.bench.install_measured import PHASES, SCRIPT, StepTime, Took, _phases
from tests.catalog.pretend import ADDRESSES, PretendSource, pretend
from tests.ha.layouts import THREE_MACHINES
from tests.lab import bundle, programs
from tests.lab.hosts import LabHost

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.cluster import Cluster

STEPS = [
    StepTime("precheck/os.systemd", "node1", 101, 102),
    StepTime("images/load", "node2", 103, 140),
    StepTime("kubernetes/init", "node1", 110, 125),
    StepTime("kubernetes/join", "node2", 141, 150),
    StepTime("kubernetes/join", "node3", 125, 148),
    StepTime("network/bridge", "node3", 150, 153),
    StepTime("finish/ready", "node1", 153, 160),
]


def test_slipways_phases_are_between_the_same_events_as_the_scripts() -> None:
    assert _phases(STEPS, 100, 161) == {
        "prepared": 10,
        "control-plane": 15,
        "joined": 25,
        "network": 3,
        "ready": 8,
    }


def test_a_line_shows_the_duration_and_how_busy_the_machine_was() -> None:
    line = Took(100, 61, 30, 4, 0.5, _phases(STEPS, 100, 161)).line("slipway")
    assert line.startswith("slipway    61.0 s, prepared 10.0,") and line.endswith("load before it 0.50")


def test_steps_are_measured_from_the_first_machines_begin_to_the_last_ones_end() -> None:
    assert "   24.0    49.0  kubernetes/join (node2 9.0, node3 23.0)" in bench_install._step_lines(STEPS)


def test_medians_are_compared_and_the_spread_of_the_rounds_is_shown() -> None:
    row = bench_install._compared("install", 1.02, [60.0, 90.0, 61.2], [59.0, 60.0, 70.0], "by hand")
    assert row.measured == pytest.approx(1.02) and row.is_kept
    assert row.beside == "Slipway 61.2 s (min 60.0, max 90.0), by hand 60.0 s (min 59.0, max 70.0)"


def test_bash_accepts_the_script_and_it_prints_every_phase() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)
    assert os.access(SCRIPT, os.X_OK)
    phases = [line.split()[1] for line in SCRIPT.read_text().splitlines() if line.startswith("phase ")]
    assert tuple(phases) == PHASES


LAB = {
    "kernel": "6.1.0",
    "container": True,
    "cgroup_version": 1,
    "can_lower_oom": False,
    "can_raise_nofile": False,
    "conntrack_writable": False,
    "kernel_config": "",
    "modules": tuple((name, "active") for name in ("overlay", "br_netfilter", "nf_conntrack", "nf_tables")),
}
"""Facts on the lab's machines that are fixed in the script, and that Slipway finds out."""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cluster:
    """The bench's three machines, for the recipe."""
    hosts = [LabHost(name, address) for name, address in ADDRESSES.items()]
    document = load(THREE_MACHINES.write(hosts, tmp_path / "document.yaml").read_text()).document
    return pretend(monkeypatch, tmp_path / "archive", document, **dict.fromkeys(ADDRESSES, LAB))[0]


def test_the_document_names_the_newest_series_and_leaves_the_rest_to_slipway(cluster: Cluster) -> None:
    kubernetes = cluster.document.kubernetes
    assert (kubernetes.version, kubernetes.proxy_mode) == (bundle.NEWEST.kubernetes.version, "")


def test_the_script_gives_kubeadm_what_the_recipe_gives_it(cluster: Cluster) -> None:
    """This test finds a change of the recipe without a change of the script, before the next measurement."""
    written = _written("tee $kubeadm_config >/dev/null <<EOF\n", "\nEOF\n")
    ours = init_configuration(cluster.machine("node1"), cluster)
    assert list(yaml.safe_load_all(written)) == list(yaml.safe_load_all(ours))


def test_the_script_joins_as_the_recipe_does(cluster: Cluster) -> None:
    written = _written("cat > /etc/kubernetes/join.yaml <<CONFIG\n", "\nCONFIG\n", "node2")
    ours = join_configuration(cluster.machine("node2"), cluster, token=Secret("a-token"), ca_hash="a-hash")
    assert yaml.safe_load(written) == yaml.safe_load(ours)


def test_the_script_configures_containerd_as_the_recipe_does(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PretendSource, "version_of", lambda *_: f"v{VERSIONS['containerd']}")
    beginning = "local images='plugins"
    names, _, text = (beginning + _between(SCRIPT.read_text(), beginning, "\nEOF\n")).partition("\n")
    written = _expanded(text.partition("\n")[2], names.removeprefix("local").replace(" running", "\nrunning"))
    assert tomllib.loads(written) == tomllib.loads(containerd.config(cluster.machine("node1"), cluster))


def test_the_script_installs_from_the_bundle_and_pins_packages_as_slipway_does() -> None:
    newest = bundle.NEWEST
    parts = {
        "etcd": programs.ETCD[newest.etcd],
        "containerd": programs.CONTAINERD,
        "runc": programs.RUNC,
        "cni_plugins": programs.CNI_PLUGINS,
        "crictl": programs.CRICTL,
    }
    assert {name: f"v{VERSIONS[name]}" for name in parts} == {name: part.version for name, part in parts.items()}
    facts = facts_of(newest.kubernetes.version)
    assert (VERSIONS["pause"], VERSIONS["coredns"]) == (facts.pause_image, facts.coredns_image)
    assert VERSIONS["pinned"] == "=".join(containerd.PINNED)


VERSIONS = dict(re.findall(r"^(\w+)=([\w./:=-]+)$", SCRIPT.read_text(), re.MULTILINE))
"""The settings at the script's head."""


def _between(text: str, begin: str, end: str) -> str:
    assert text.count(begin) == 1, f"the script has no {begin!r}, or several"
    return text.partition(begin)[2].partition(end)[0]


def _written(begin: str, end: str, *arguments: str) -> str:
    return _expanded(_between(SCRIPT.read_text(), begin, end), "token=a-token\nca_hash=a-hash", *arguments)


def _expanded(text: str, more: str, *arguments: str) -> str:
    """A file in the form in which the script's bash writes it."""
    settings = "\n".join(f"{name}={value}" for name, value in VERSIONS.items())
    addresses = " ".join(f"[{name}]={address}" for name, address in ADDRESSES.items())
    program = f"{settings}\n{more}\ndeclare -A address=({addresses})\ncat <<EOF\n{text}\nEOF\n"
    done = subprocess.run(["bash", "-euc", program, "bash", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def test_without_a_lab_nothing_is_measured_and_the_reason_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SLIPWAY_LAB_CACHE", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    assert list(bench_install.rows()) == []
    assert "the lab is not available" in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    with pytest.raises(RuntimeError, match="the lab is not available"):
        list(bench_install.rows())
