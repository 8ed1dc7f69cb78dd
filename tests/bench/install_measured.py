"""One installation on fresh machines, by Slipway or by a script that does the same by hand, with the time it took."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.ha.installed import INSTALL_SECONDS, Installed, prepare
from tests.ha.layouts import THREE_MACHINES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.lab import Lab

SCRIPT = Path(__file__).with_name("install.sh")
PHASES = ("prepared", "control-plane", "joined", "network", "ready")
"""What is over at the end of each: all before kubeadm, `kubeadm init`, `kubeadm join`, pods' network, nodes and DNS."""

ENDS_WITH = {
    "control-plane": ("kubernetes/init",),
    "joined": ("kubernetes/join",),
    "network": ("network/bridge", "kubernetes/labels"),
}
"""The steps of Slipway's with whose last one a phase ends."""

BOOTED = "systemctl is-system-running --wait || true"


@dataclass(frozen=True, slots=True)
class Took:
    """One installation: seconds from the command to its end, and of each phase; how busy this machine was before."""

    seconds: float
    phases: dict[str, float]
    load: float

    def line(self, who: str) -> str:
        """For people who watch."""
        parts = ", ".join(f"{name} {self.phases[name]:.1f}" for name in PHASES)
        return f"{who:<10} {self.seconds:6.1f} s: {parts} (load before it: {self.load:.2f})"


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
    load, began, took = _timed(lambda: installed.create())
    return Took(took, _phases(step_times(installed), began, began + took), load), installed


def by_script(lab: Lab, bundle: Path, place: Path) -> tuple[Took, Installed]:
    """The script on three fresh machines. Logs in as Slipway does: the same user, a password, sudo with it."""
    installed = _fresh(lab, bundle, place)
    folder = place / "by-hand"
    folder.mkdir()
    first = installed.hosts[0]
    command = [str(SCRIPT), str(bundle), str(folder), *(host.address for host in installed.hosts)]

    def run() -> str:
        variables = {**os.environ, "LOGIN": first.user, "PASSWORD": first.password}
        done = subprocess.run(
            command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        assert done.returncode == 0, f"{SCRIPT.name}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        printed.append(done.stdout)
        return done.stdout

    printed: list[str] = []
    load, _, took = _timed(run)
    said = (line.split() for line in printed[0].splitlines() if line.startswith("phase "))
    return Took(took, {name: float(seconds) for _, name, seconds in said}, load), installed


def again(installed: Installed) -> float:
    """Seconds of a second run of Slipway's, which has nothing to do and says so."""
    _, _, took = _timed(lambda: _unchanged(installed.create()))
    return took


def what_came_of_it(installed: Installed) -> dict[str, Any]:
    """What both sides have to have made: nodes that are Ready, DNS with all its pods, and kubeadm's settings."""
    wanted = {host.name for host in installed.hosts}
    assert installed.ready_nodes() == wanted, f"ready are {sorted(installed.ready_nodes())}, wanted {sorted(wanted)}"
    dns = installed.seen("get", "deployment", "coredns", "-n", "kube-system")
    assert dns["status"].get("availableReplicas", 0) == dns["spec"]["replicas"], dns["status"]
    settings = {
        item["metadata"]["name"]: item["data"]
        for item in installed.seen("get", "configmaps", "-n", "kube-system")["items"]
        if item["metadata"]["name"].startswith(("kubeadm-config", "kubelet-config", "kube-proxy", "coredns"))
    }
    assert len(settings) == 4, sorted(settings)
    nodes = {item["metadata"]["name"]: _about(item) for item in installed.seen("get", "nodes")["items"]}
    return {"nodes": nodes, "settings": settings}


def step_times(installed: Installed) -> list[StepTime]:
    """Every step of the newest run, as the database has it."""
    with closing(sqlite3.connect(Path(installed.variables["SLIPWAY_DATA_DIR"]) / "slipway.sqlite3")) as database:
        rows = database.execute(
            "SELECT step, host, started_at, seconds FROM clusters_steprun"
            " WHERE run_id = (SELECT max(id) FROM clusters_run) AND started_at IS NOT NULL ORDER BY started_at"
        ).fetchall()
    starts = [datetime.fromisoformat(row[2]).replace(tzinfo=UTC).timestamp() for row in rows]
    return [StepTime(row[0], row[1], start, start + row[3]) for row, start in zip(rows, starts, strict=True)]


def _fresh(lab: Lab, bundle: Path, place: Path) -> Installed:
    """Three machines that nobody has touched and that have come to rest after their start."""
    place.mkdir(parents=True)
    installed = prepare(lab, THREE_MACHINES, bundle, place)
    for host in installed.hosts:
        lab.execute(host.name, BOOTED)
    return installed


def _timed(work: Callable[[], object]) -> tuple[float, float, float]:
    """The load before it, when it began (seconds since the epoch), and how many seconds it took."""
    load, began, clock = os.getloadavg()[0], time.time(), time.monotonic()
    work()
    return load, began, time.monotonic() - clock


def _phases(steps: list[StepTime], began: float, ended: float) -> dict[str, float]:
    """The script's phases by the times of Slipway's steps."""
    borders = [began, min(step.start for step in steps if step.path == "kubernetes/init")]
    borders += [max(step.end for step in steps if step.path in ends) for ends in ENDS_WITH.values()]
    borders.append(ended)
    return {name: after - before for name, before, after in zip(PHASES, borders, borders[1:], strict=True)}


def _unchanged(printed: str) -> None:
    assert "nothing changed" in printed, printed[-2000:]


def _about(node: dict[str, Any]) -> dict[str, Any]:
    info = node["status"]["nodeInfo"]
    return {
        "roles": sorted(label for label in node["metadata"]["labels"] if label.startswith("node-role.kubernetes.io/")),
        "taints": node["spec"].get("taints", []),
        "kubelet": info["kubeletVersion"],
        "runtime": info["containerRuntimeVersion"],
    }
