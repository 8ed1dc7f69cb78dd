"""A preview of the whole installation changes no machine, whatever the machine answers."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from clusters import catalog
from clusters.catalog.kubeadm import audit, init_configuration
from clusters.catalog.paths import BIN, CA, ETCD_PKI, INITIALISED, KUBEADM_CONFIG, MANIFESTS
from clusters.catalog.runtimes import containerd
from clusters.catalog.staticpod import COMM_LENGTH
from clusters.catalog.steps.etcd import certificates, start
from clusters.catalog.steps.kubernetes import binaries, control_plane, kubelet_config, stored_configuration
from clusters.catalog.turns import in_turn
from clusters.engine.block import block
from clusters.engine.events import State, StepChanged, WantSeen
from clusters.engine.executor import execute_plan
from clusters.engine.machine import Machine
from clusters.engine.plan import make_plan
from clusters.engine.step import discover
from clusters.engine.wants import file, service
from clusters.remote.host import Cancel
from tests.catalog.pretend import GOOD, PretendSource, manifest, pretend, seed
from tests.catalog.test_living import living
from tests.catalog.test_looks import DOCUMENTS
from tests.engine.test_executor import Kept
from tests.fake_host import Answer, FakeHost, digest_on

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from clusters.config.schema import Document
    from clusters.engine.wants import Want
    from tests.fake_host import Ran

DOCUMENT = seed()


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The actions of steps on machines."""
    found: list[str] = []

    def act(self: Machine, *words: Any, **options: Any) -> Any:
        found.append(f"{self.step}: {words[0]!r}"[:200])
        raise AssertionError("a preview acted")

    for method in ("do", "put"):
        monkeypatch.setattr(Machine, method, act)
    monkeypatch.setattr("clusters.engine.machine.read_facts", lambda host, *words, **options: replace(GOOD))
    for name in ("clusters.engine.tries.PAUSE", "clusters.engine.tries.RETURN_SECONDS"):
        monkeypatch.setattr(name, 0.0)
    return found


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize("code", [0, 1, 127])
def test_a_preview_of_an_installation_changes_no_machine(
    code: int, document: Document, acts: list[str], archive: Path
) -> None:
    discover(catalog)
    sink = Kept()
    outcome = execute_plan(
        make_plan(document, skip=["precheck"]),
        document=document,
        open_host=lambda spec: FakeHost(spec.name, [("", Answer(exit_code=code))]),
        source=PretendSource(archive),
        sink=sink,
        cancel=Cancel(),
        dry_run=True,
    )
    assert acts == []
    ends = {str(event.state) for event in sink.events if isinstance(event, StepChanged)}
    assert ends <= {"running", "same", "would", "unforeseen", "failed"}
    assert outcome.failures == ()
    assert any(event.state == "would" for event in sink.events if isinstance(event, WantSeen))


class Installed:
    """Three machines in the state that `document` describes; previews of other documents check them."""

    def __init__(self, archive: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
        self.archive = archive
        cluster, first, _ = living(archive, monkeypatch, **changes)
        self.hosts = {each.name: cast("FakeHost", each.host) for each in cluster.machines}
        stored_configuration.annotate_stored_configuration(cluster.machine("node1"), cluster)
        for name, host in self.hosts.items():
            host.answer("sha256sum < ", digest_on(host))
            host.answer("test -e /var/lib/kubelet/slipway-restart-is-due", 1)
            host.put(b"maxPods: 110\n", kubelet_config.CONFIG)
            for path, content in {
                binaries.UNIT: binaries.UNIT_TEXT,
                binaries.DROP_IN: binaries.drop_in((), quiet=True),
                binaries.EXTRA: f"# Written by Slipway.\nKUBELET_EXTRA_ARGS=--node-ip={cluster.machine(name).address} "
                f"--hostname-override={name} --resolv-conf=/etc/resolv.conf\n",
            }.items():
                host.put(content.encode(), path)
        first.put(init_configuration(cluster.machine("node1"), cluster).encode(), KUBEADM_CONFIG, mode=0o600)
        first.put(f"{cluster.document.name}\n".encode(), INITIALISED)
        first.put(audit.policy(cluster.document).encode(), audit.POLICY, mode=0o600)
        for name in control_plane.COMPONENTS:
            first.put(manifest(name, "--port=0"), f"{MANIFESTS}/{name}.yaml", mode=0o600)
        first.answer("/proc/[0-9]*/comm", running)
        first.answer("date +%s; stat", "5000\n1000\n1000")

    def preview(self, document: Document, *only: str) -> dict[tuple[str, str], tuple[str, str]]:
        """(step, machine) -> its final state, and what was found instead."""
        sink = Kept()
        execute_plan(
            make_plan(document, only=only),
            document=document,
            open_host=lambda spec: self.hosts[spec.name],
            source=PretendSource(self.archive),
            sink=sink,
            cancel=Cancel(),
            dry_run=True,
        )
        found = {(each.step, each.host): each.found for each in sink.events if isinstance(each, WantSeen)}
        ends = [each for each in sink.events if isinstance(each, StepChanged) and State(each.state).over]
        return {(each.step, each.host): (str(each.state), found.get((each.step, each.host), "")) for each in ends}


def running(ran: Ran) -> Answer:
    """Every component runs with its current manifest."""
    name = next(each for each in control_plane.COMPONENTS if f'"$n" = {each[:COMM_LENGTH]} ' in ran.command)
    return Answer(f"100 1 2000 {base64.b64encode(f'{name}{chr(0)}--port=0{chr(0)}'.encode()).decode()}\n")


CONTROL_PLANE = ("kubernetes/init", "kubernetes/control-plane", "kubernetes/kubelet-config")
NODES = ("node1", "node2", "node3")


def test_a_preview_of_an_installed_cluster_finds_no_changes(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Installed(archive, monkeypatch).preview(DOCUMENT, *CONTROL_PLANE)
    assert {state for state, _ in found.values()} == {"same"}
    assert len(found) == 5


def test_a_preview_shows_restarts_for_a_configuration_that_the_run_stores(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = seed(kubernetes={"maxPods": 200})
    found = Installed(archive, monkeypatch).preview(changed, *CONTROL_PLANE)
    assert found["kubernetes/init", "node1"][0] == "would"
    assert found["kubernetes/control-plane", "node1"] == ("would", f"{KUBEADM_CONFIG} has different content")
    for name in NODES:
        assert found["kubernetes/kubelet-config", name] == (
            "would", "kubelet gets another configuration: kubelet-config-1.20 was created from another document",
        )  # fmt: skip


def test_a_preview_shows_that_kubelets_restart_for_new_arguments(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = Installed(archive, monkeypatch)
    monkeypatch.setattr("clusters.catalog.steps.kubernetes.join.cluster_ca", lambda here, cluster: here.read(CA))
    for host in installed.hosts.values():
        host.put(b"CA", CA)
        host.answer("NeedDaemonReload", 0)
    installed.hosts["node1"].answer("--ignore-not-found -o name", "node/it")
    steps = ("kubernetes/kubelet", "kubernetes/init", "kubernetes/join")
    assert {state for state, _ in installed.preview(DOCUMENT, *steps).values()} == {"same"}
    changed = seed(kubernetes={"kubeletArgs": ["v=4"]})
    found = installed.preview(changed, *steps)
    for step, name in (("join", "node2"), ("join", "node3"), ("init", "node1")):
        assert found[f"kubernetes/{step}", name] == ("would", f"kubelet is restarted for a new {binaries.DROP_IN}")


def test_a_preview_shows_that_an_api_server_restarts_for_an_audit_policy(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {"audit": {"enabled": True}}
    installed = Installed(archive, monkeypatch, kubernetes=before)
    steps = ("kubernetes/audit", "kubernetes/control-plane")
    assert {state for state, _ in installed.preview(seed(kubernetes=before), *steps).values()} == {"same"}
    installed.hosts["node1"].put(b"rules: []\n", audit.POLICY, mode=0o600)
    found = installed.preview(seed(kubernetes=before), *steps)
    assert found["kubernetes/control-plane", "node1"] == (
        "would", f"kube-apiserver is restarted for a new {audit.POLICY}",
    )  # fmt: skip


def files_of(want: Want) -> Iterable[str]:
    """The files that a wanted state writes, as the engine reads them."""
    files: Iterable[str] = getattr(want, "files", ())
    return files


def test_a_preview_shows_that_services_restart_for_new_programs(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _hosts, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node1").during("x/y", timeout=60, cancel=Cancel(), dry_run=True)
    (etcd,) = start.binaries(machine, cluster)
    assert service("etcd", restart_for=(f"{BIN}/etcd",)).seen(machine).so
    machine.will_write(files_of(etcd))
    assert not start.service_runs(machine).seen(machine).so
    for want, path in (
        (next(iter(containerd.binaries(machine, cluster))), f"{BIN}/containerd"),
        (certificates.certificate(cluster, "member-node1", ("node1",)), f"{ETCD_PKI}/member-node1.pem"),
        (block("/etc/hosts", "x", "y"), "/etc/hosts"),
        (in_turn(file("/x", "y"), cluster, "x"), "/x"),
    ):
        assert path in files_of(want)
