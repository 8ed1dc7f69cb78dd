"""A change that is cut off is completed by the next attempt, and the previous state is not lost."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.load_balancers import keepalived
from clusters.catalog.staticpod import StaticPod
from clusters.catalog.steps.kubernetes import kubelet_config
from clusters.engine.wants import NotReached
from clusters.remote.errors import ConnectionLost
from clusters.remote.shell import sh
from tests.catalog.pretend import pretend, seed
from tests.catalog.test_living import ASIDE, NEW, OLD, PATH, Kubelet, at_once, living, node_status, pod
from tests.fake_host import Answer, FakeHost

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from tests.fake_host import Ran

__all__ = ["at_once"]

pytestmark = pytest.mark.usefixtures("at_once")


def breaks_once(host: FakeHost, pattern: str, otherwise: Answer) -> None:
    """The connection is lost the first time that this command runs."""
    lost: list[str] = []

    def answer(ran: Ran) -> Answer:
        if not lost:
            lost.append(ran.command)
            return Answer(error=ConnectionLost("The connection is lost."))
        return otherwise

    host.answer(pattern, answer)


class Flaky(Kubelet):
    """Its machine loses the connection once, right after the new manifest was written."""

    def __init__(self, host: FakeHost, *, broken: bytes = b"") -> None:
        super().__init__(host, broken=broken)
        self.lost = False

    def _processes(self, ran: Ran) -> Answer:
        if not self.lost and self.host.get(PATH) == NEW:
            self.lost = True
            return Answer(error=ConnectionLost("The connection to node1 is lost."))
        return super()._processes(ran)


def flaky(archive: Path, monkeypatch: pytest.MonkeyPatch, broken: bytes = b"") -> tuple[Machine, FakeHost]:
    """A machine on which the first attempt to write NEW was cut off."""
    cluster, hosts, _ = pretend(monkeypatch, archive)
    host, machine = hosts["node1"], cluster.machine("node1")
    Flaky(host, broken=broken)
    with pytest.raises(ConnectionLost):
        pod(NEW).reach(machine)
    assert host.get(PATH) == NEW
    return machine, host


def test_a_manifest_is_restored_even_if_the_connection_broke_while_writing(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, host = flaky(archive, monkeypatch, broken=NEW)
    with pytest.raises(NotReached, match="It runs with the previous ones"):
        pod(NEW).reach(machine)
    assert host.get(PATH) == OLD
    assert ASIDE not in host.files


def test_a_manifest_counts_only_when_its_component_was_healthy(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, host = flaky(archive, monkeypatch)
    assert pod(NEW).seen(machine).found == "kube-scheduler has not been healthy since its manifest changed"
    pod(NEW).reach(machine)
    assert pod(NEW).seen(machine).so
    assert ASIDE not in host.files


@pytest.mark.parametrize(("healthy", "expected"), [("false", OLD), ("true", NEW)])
def test_an_unreachable_machine_restores_the_manifest_unless_it_works(
    healthy: str, expected: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clusters.catalog.staticpod.BEFORE", str(tmp_path / "before"))
    path, aside = tmp_path / "kube-scheduler.yaml", tmp_path / "before/kube-scheduler.yaml"
    aside.parent.mkdir()
    path.write_bytes(NEW)
    aside.write_bytes(OLD)
    trap = StaticPod("kube-scheduler", str(path), NEW, sh(healthy))._trap().text
    # Replaces systemd, which would run it ten minutes later.
    (tmp_path / "systemd-run").write_text('#!/bin/sh\nwhile [ "$1" != sh ]; do shift; done\nexec "$@"\n')
    (tmp_path / "systemctl").write_text("#!/bin/sh\n")
    for name in ("systemd-run", "systemctl"):
        (tmp_path / name).chmod(0o755)
    known = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert subprocess.run(["/bin/sh", "-c", trap], env=known, check=False).returncode == 0
    assert path.read_bytes() == expected
    assert not aside.exists()


def test_kubelets_configuration_is_restored_even_if_the_connection_broke(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, first, _ = living(archive, monkeypatch)
    machine, before = cluster.machine("node2"), b"maxPods: 99\n"
    host = machine.host
    assert isinstance(host, FakeHost)
    host.put(before, kubelet_config.CONFIG)
    breaks_once(host, "systemctl restart kubelet", Answer())
    host.answer("date +%s", "1000")
    host.answer("NRestarts", lambda ran: Answer(exit_code=int(host.get(kubelet_config.CONFIG) == before)))
    first.answer("get node node2", lambda ran: Answer(node_status(ready=host.get(kubelet_config.CONFIG) == before)))
    (want,) = kubelet_config.kubelet_config(machine, cluster)
    with pytest.raises(ConnectionLost):
        want.reach(machine)
    assert host.get(kubelet_config.CONFIG) != before
    with pytest.raises(NotReached, match="The previous one was restored, and kubelet runs with it"):
        want.reach(machine)
    assert host.get(kubelet_config.CONFIG) == before


def shared(archive: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Cluster, FakeHost]:
    """Three control planes that share an address through keepalived."""
    names = ["node1", "node2", "node3"]
    document = seed(
        roleGroups={"etcd": names, "master": names, "worker": names},
        controlPlaneEndpoint={"internalLoadbalancer": "keepalived", "address": "10.99.0.100"},
    )
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    return cluster, hosts["node1"]


def test_the_next_run_removes_the_handover_file(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, host = shared(archive, monkeypatch)
    machine = cluster.machine("node1")
    host.answer(f"test ! -e {keepalived.ASIDE}", 1)
    (want,) = [each for each in keepalived.keepalived(machine, cluster) if keepalived.ASIDE in each.what]
    assert not want.seen(machine).so
    want.reach(machine)
    assert any(text.startswith(f"rm -f -- {keepalived.ASIDE}") for text in host.commands)


def test_an_attempt_after_a_handover_removes_its_file(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, host = shared(archive, monkeypatch)
    host.answer("ip -o address show", 1)
    with keepalived.stood_aside(cluster.machine("node1"), cluster):
        assert not [text for text in host.commands if "touch" in text]
    assert f"rm -f {keepalived.ASIDE}" in host.commands


@pytest.mark.parametrize(("age", "stands_aside"), [(60, True), (20 * 60, False)])
def test_an_old_handover_file_is_ignored(
    age: float, stands_aside: bool, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _ = shared(archive, monkeypatch)
    mark, curl = tmp_path / "mark", tmp_path / "curl"
    mark.touch()
    os.utime(mark, (time.time() - age,) * 2)
    curl.write_text("#!/bin/sh\n")
    curl.chmod(0o755)
    script = keepalived.check(cluster.machine("node1"), cluster).replace(keepalived.ASIDE, str(mark))
    known = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ready = subprocess.run(["/bin/sh", "-c", script], env=known, check=False).returncode == 0
    assert ready is not stands_aside
