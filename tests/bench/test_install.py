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
from clusters.config.load import load
from clusters.config.secret import Secret
from clusters.config.versions import facts_of
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


def test_medians_are_compared_and_how_far_the_rounds_differ_is_said() -> None:
    row = bench_install._compared("install", 1.02, [60.0, 90.0, 61.2], [59.0, 60.0, 70.0], "by hand")
    assert (row.measured, row.kept) == (pytest.approx(1.02), True)
    assert row.beside == "Slipway 61.2 s (min 60.0, max 90.0), by hand 60.0 s (min 59.0, max 70.0)"


def test_the_script_is_one_that_bash_understands_and_says_every_phase() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)
    assert os.access(SCRIPT, os.X_OK)
    said = [line.split()[1] for line in SCRIPT.read_text().splitlines() if line.startswith("phase ")]
    assert tuple(said) == PHASES


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
"""What the script knows of the lab's machines without a look, and Slipway finds out."""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cluster:
    """The bench's three machines as the recipe sees them."""
    hosts = [LabHost(name, address) for name, address in ADDRESSES.items()]
    document = load(THREE_MACHINES.write(hosts, tmp_path / "document.yaml").read_text()).document
    return pretend(monkeypatch, tmp_path / "archive", document, **dict.fromkeys(ADDRESSES, LAB))[0]


def test_the_document_names_the_newest_series_and_leaves_the_rest_to_slipway(cluster: Cluster) -> None:
    kubernetes = cluster.document.kubernetes
    assert (kubernetes.version, kubernetes.proxy_mode) == (bundle.NEWEST.kubernetes.version, "")


def test_the_script_gives_kubeadm_what_the_recipe_gives_it(cluster: Cluster) -> None:
    """A recipe that changed alone is found here, and not by whoever measures next."""
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


def test_the_script_takes_what_the_bundle_has_and_pins_it_as_slipway_does() -> None:
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
"""What the script says at its head."""


def _between(text: str, begin: str, end: str) -> str:
    assert text.count(begin) == 1, f"the script has no {begin!r}, or several"
    return text.partition(begin)[2].partition(end)[0]


def _written(begin: str, end: str, *arguments: str) -> str:
    return _expanded(_between(SCRIPT.read_text(), begin, end), "token=a-token\nca_hash=a-hash", *arguments)


def _expanded(text: str, more: str, *arguments: str) -> str:
    """A file as the script's bash writes it."""
    settings = "\n".join(f"{name}={value}" for name, value in VERSIONS.items())
    addresses = " ".join(f"[{name}]={address}" for name, address in ADDRESSES.items())
    program = f"{settings}\n{more}\ndeclare -A address=({addresses})\ncat <<EOF\n{text}\nEOF\n"
    done = subprocess.run(["bash", "-euc", program, "bash", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


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
