"""One installation on fresh machines, by Slipway or by a script that does the same, with its duration."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.ha.installed import INSTALL_SECONDS, Installed, prepare
from tests.ha.layouts import THREE_MACHINES
from tests.lab import cgroups

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.lab import Lab

SCRIPT = Path(__file__).with_name("install.sh")
PHASES = ("prepared", "control-plane", "joined", "network", "ready")
"""The work of each phase: all before kubeadm, `kubeadm init`, `kubeadm join`, pods' network, nodes and DNS."""

ENDS_WITH = {
    "control-plane": ("kubernetes/init",),
    "joined": ("kubernetes/join",),
    "network": ("network/bridge", "kubernetes/labels"),
}
"""Slipway's steps with whose last one a phase ends."""

UNTIL_NOTICED = "node.kubernetes.io/not-ready"
"""The taint that Kubernetes itself removes from a node a moment after it became Ready."""

BOOTED = "systemctl is-system-running --wait || true"
PINNED = """ctr -n k8s.io images ls -q 'labels."io.cri-containerd.pinned"==pinned' | grep -v sha256: | sort"""
"""The names of the images that kubelet must not delete."""


@dataclass(frozen=True, slots=True)
class Took:
    """One piece of work: seconds from the command to its end, and of each phase of an installation.

    `machines` and `here` are the processor seconds on the machines and on this side, which are meaningful even when
    other programs use the processors, too; `load` is how busy they were before.
    """

    began: float
    seconds: float
    machines: float
    here: float
    load: float
    phases: dict[str, float] = field(default_factory=dict)

    def line(self, who: str) -> str:
        """The summary for people."""
        parts = "".join(f", {name} {seconds:.1f}" for name, seconds in self.phases.items())
        used = f"processor seconds {self.machines:.1f} on machines, {self.here:.1f} here"
        return f"{who:<8} {self.seconds:6.1f} s{parts}; {used}; load before it {self.load:.2f}"


@dataclass(frozen=True, slots=True)
class StepTime:
    """A step of a run on a machine; times in seconds since the epoch."""

    path: str
    host: str
    start: float
    end: float


def by_slipway(lab: Lab, bundle: Path, place: Path) -> tuple[Took, Installed]:
    """`manage.py cluster create` on three fresh machines."""
    installed = _fresh(lab, bundle, place)
    took = _timed(lab, installed.create)
    phases = _phases(step_times(installed), took.began, took.began + took.seconds)
    return replace(took, phases=phases), installed


def by_script(lab: Lab, bundle: Path, place: Path) -> tuple[Took, Installed]:
    """The script on three fresh machines. It logs in like Slipway: the same user, a password, sudo with it."""
    installed = _fresh(lab, bundle, place)
    folder = place / "by-hand"
    folder.mkdir()
    first = installed.hosts[0]
    command = [str(SCRIPT), str(bundle), str(folder), *(host.address for host in installed.hosts)]

    def run() -> None:
        variables = {**os.environ, "LOGIN": first.user, "PASSWORD": first.password}
        done = subprocess.run(
            command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        assert done.returncode == 0, f"{SCRIPT.name}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        printed.extend(done.stdout.splitlines())

    printed: list[str] = []
    took = _timed(lab, run)
    phases = (line.split() for line in printed if line.startswith("phase "))
    return replace(took, phases={name: float(seconds) for _, name, seconds in phases}), installed


def again(installed: Installed) -> Took:
    """A second run of Slipway, which has nothing to do and reports that."""

    def run() -> None:
        printed = installed.create()
        assert "nothing changed" in printed, printed[-2000:]

    return _timed(installed.lab, run)


def result_of(installed: Installed) -> dict[str, Any]:
    """The result that both sides must reach: Ready nodes and their images, DNS with all its pods on more than one node,
    and kubeadm's settings."""
    wanted = {host.name for host in installed.hosts}
    assert installed.ready_nodes() == wanted, f"ready are {sorted(installed.ready_nodes())}, wanted {sorted(wanted)}"
    dns = installed.kubectl_json("get", "deployment", "coredns", "-n", "kube-system")
    assert dns["status"].get("availableReplicas", 0) == dns["spec"]["replicas"], dns["status"]
    settings = {
        item["metadata"]["name"]: item["data"]
        for item in installed.kubectl_json("get", "configmaps", "-n", "kube-system")["items"]
        if item["metadata"]["name"].startswith(("kubeadm-config", "kubelet-config", "kube-proxy", "coredns"))
    }
    assert len(settings) == 4, sorted(settings)
    nodes = {item["metadata"]["name"]: _about(item) for item in installed.kubectl_json("get", "nodes")["items"]}
    pods = installed.kubectl_json("get", "pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")["items"]
    places = {pod["spec"]["nodeName"] for pod in pods if not pod["metadata"].get("deletionTimestamp")}
    assert len(places) > 1, f"one machine's failure would stop DNS: {places}"
    images = {host.name: installed.lab.execute(host.name, PINNED).split() for host in installed.hosts}
    return {"nodes": nodes, "settings": settings, "dns": dns["spec"]["template"]["spec"], "images": images}


def step_times(installed: Installed) -> list[StepTime]:
    """Every step of the newest run, from the database."""
    with closing(sqlite3.connect(Path(installed.variables["SLIPWAY_DATA_DIR"]) / "slipway.sqlite3")) as database:
        rows = database.execute(
            "SELECT step, host, started_at, seconds FROM clusters_steprun"
            " WHERE run_id = (SELECT max(id) FROM clusters_run) AND started_at IS NOT NULL ORDER BY started_at"
        ).fetchall()
    starts = [datetime.fromisoformat(row[2]).replace(tzinfo=UTC).timestamp() for row in rows]
    return [StepTime(row[0], row[1], start, start + row[3]) for row, start in zip(rows, starts, strict=True)]


def _fresh(lab: Lab, bundle: Path, place: Path) -> Installed:
    """Three fresh machines that are idle after their start."""
    place.mkdir(parents=True)
    installed = prepare(lab, THREE_MACHINES, bundle, place)
    for host in installed.hosts:
        lab.execute(host.name, BOOTED)
    return installed


def _timed(lab: Lab, work: Callable[[], object]) -> Took:
    """Its duration, with the processor time of the lab's machines and of this side."""
    machines = [f"{lab.group}/{row.name}" for row in lab.status()]
    with cgroups.counted(f"{lab.group}/here"):
        groups = (*machines, f"{lab.group}/here")
        before = [cgroups.processor_seconds(group) for group in groups]
        load, began, clock = os.getloadavg()[0], time.time(), time.monotonic()
        work()
        seconds = time.monotonic() - clock
        used = [cgroups.processor_seconds(group) - start for group, start in zip(groups, before, strict=True)]
    return Took(began, seconds, sum(used[:-1]), used[-1], load)


def _phases(steps: list[StepTime], began: float, ended: float) -> dict[str, float]:
    """The script's phases by the times of Slipway's steps."""
    borders = [began, min(step.start for step in steps if step.path == "kubernetes/init")]
    borders += [max(step.end for step in steps if step.path in ends) for ends in ENDS_WITH.values()]
    borders.append(ended)
    spans = (after - before for before, after in pairwise(borders))
    return dict(zip(PHASES, spans, strict=True))


def _about(node: dict[str, Any]) -> dict[str, Any]:
    info = node["status"]["nodeInfo"]
    return {
        "roles": sorted(label for label in node["metadata"]["labels"] if label.startswith("node-role.kubernetes.io/")),
        "taints": [taint["key"] for taint in node["spec"].get("taints", []) if taint["key"] != UNTIL_NOTICED],
        "kubelet": info["kubeletVersion"],
        "runtime": info["containerRuntimeVersion"],
    }
