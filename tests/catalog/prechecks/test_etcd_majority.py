"""An etcd that does not answer does not count as missing: no second one is started beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.steps.etcd import certificates, existing, members, start
from clusters.engine.events import CheckFound, Output
from clusters.engine.executor import execute_plan
from clusters.engine.plan import make_plan
from clusters.engine.wants import NotReached
from clusters.errors import InstallerError
from clusters.remote.host import Cancel
from tests.catalog.pretend import Kept, PretendSource, pretend, seed
from tests.clock import stopped_clock
from tests.fake_host import Answer

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.executor import Outcome
    from tests.fake_host import FakeHost

NAMES = ["node1", "node2", "node3"]
SET_UP = "/etc/slipway/control-plane-initialised\n/etc/kubernetes/pki/ca.key\n"
ETCD_RUNS = "systemctl is-active --quiet etcd"
HAS_DATA = "test -d /var/lib/etcd/member"
IS_KNOWN = "[ -s /etc/kubernetes/kubelet.conf ] || [ -s /etc/slipway/cluster.json ]"


def three(kind: str = "kubekey") -> Document:
    return seed(
        roleGroups={"etcd": NAMES if kind == "kubekey" else [], "master": NAMES, "worker": NAMES},
        controlPlaneEndpoint={"internalLoadbalancer": "keepalived", "address": "10.99.0.200"},
        etcd={"type": kind},
    )


class Machines:
    """Three machines: those in `data` have a member's data, on those in `runs` etcd runs, on those in `well` it has a
    majority; those in `set_up` had a control plane, those in `new` belong to no cluster yet."""

    def __init__(
        self,
        archive: Path,
        monkeypatch: pytest.MonkeyPatch,
        *,
        document: Document | None = None,
        data: Collection[str] = (),
        runs: Collection[str] = (),
        well: Collection[str] = (),
        set_up: Collection[str] = (),
        new: Collection[str] = (),
    ) -> None:
        stopped_clock(monkeypatch)
        self.document, self.archive = document or three(), archive
        found = pretend(monkeypatch, archive, self.document)
        self.cluster: Cluster = found[0]
        self.hosts: dict[str, FakeHost] = found[1]
        for name, host in self.hosts.items():
            host.answer(HAS_DATA, int(name not in data))
            host.answer(ETCD_RUNS, 0 if name in runs else 3)
            host.answer("endpoint health", int(name not in well))
            host.answer("ls /etc/slipway/control-plane-initialised", SET_UP if name in set_up else 2)
            host.answer(IS_KNOWN, int(name in new))

    def began(self, name: str, *others: str, state: str = "new") -> None:
        """Write the variables with which etcd on this machine was started."""
        urls = {each.name: existing.peer_url(each, self.cluster) for each in self.cluster.machines}
        beginning = ",".join(f"{other}={urls.get(other, f'https://10.9.9.9:2380/{other}')}" for other in others)
        text = f"ETCD_INITIAL_CLUSTER={beginning}\nETCD_INITIAL_CLUSTER_STATE={state}\n"
        self.hosts[name].put(text.encode(), existing.ENV)

    def teller(self) -> str:
        """The machine that the first step asks about etcd."""
        found = members.teller(self.cluster.machine("node1"), self.cluster)
        return found.name if found else ""

    def run(self, *only: str) -> tuple[Outcome, Kept]:
        """Run these steps and prechecks."""
        sink = Kept()
        outcome = execute_plan(
            make_plan(self.document, only=only),
            document=self.document,
            open_host=lambda spec: self.hosts[spec.name],
            source=PretendSource(self.archive),
            sink=sink,
            cancel=Cancel(),
        )
        return outcome, sink

    def found(self) -> dict[str, str]:
        """The precheck's findings: machine -> message."""
        _, sink = self.run("precheck/etcd.silent")
        return {event.host: event.message for event in sink.events if isinstance(event, CheckFound)}


def test_an_interrupted_first_installation_continues(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = Machines(archive, monkeypatch, data=["node1"], runs=["node1"], new=["node2", "node3"])
    etcd.began("node1", *NAMES)
    assert etcd.found() == {}
    assert etcd.teller() == ""
    text = start.environment(etcd.cluster.machine("node2"), etcd.cluster)
    assert "ETCD_INITIAL_CLUSTER_STATE=new\n" in text
    assert start.joined(etcd.cluster.machine("node2"), etcd.cluster).seen(etcd.cluster.machine("node2")).so


def test_an_interrupted_first_start_of_kubeadms_etcd_continues(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = Machines(archive, monkeypatch, document=three("kubeadm"), new=["node2", "node3"])
    etcd.hosts["node1"].answer("get --raw /readyz", 1)
    assert etcd.found() == {}
    assert etcd.teller() == ""


@pytest.mark.parametrize("kind", ["kubekey", "kubeadm"])
def test_a_healthy_cluster_gets_a_machine(kind: str, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = ["node1", "node2"]
    etcd = Machines(archive, monkeypatch, document=three(kind), data=old, runs=old, well=old, set_up=old, new=["node3"])
    assert etcd.found() == {}
    assert etcd.teller() == "node1"


def test_stopped_members_are_started_again(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = Machines(archive, monkeypatch, data=NAMES, set_up=NAMES)
    assert etcd.found() == {}
    assert etcd.teller() == ""
    etcd.began("node2", *NAMES)
    assert "STATE=new\n" in start.environment(etcd.cluster.machine("node2"), etcd.cluster)


def test_a_new_machine_is_not_touched_while_etcd_has_no_majority(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ["node1", "node2"]
    etcd = Machines(archive, monkeypatch, data=old, runs=["node1"], set_up=old, new=["node3"])
    outcome, sink = etcd.run("precheck", "os", "etcd")
    (found,) = [event for event in sink.events if isinstance(event, CheckFound) and event.check == "etcd.silent"]
    assert found.host == "node3"
    assert "etcd on node1, node2 does not answer" in found.message and "node3 cannot be added" in found.message
    assert "On node1, node2: run systemctl start etcd" in found.fix
    assert outcome.state == "failed"
    assert etcd.hosts["node3"].files == {}
    assert not [event for event in sink.events if isinstance(event, Output) and event.text.startswith("$ ")]


def test_no_second_etcd_is_started_without_the_precheck_either(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = ["node1", "node2"]
    etcd = Machines(archive, monkeypatch, data=old, runs=["node1"], set_up=old, new=["node3"])
    outcome, _ = etcd.run("etcd")
    assert outcome.state == "failed"
    assert existing.ENV not in etcd.hosts["node3"].files
    assert not [each for host in etcd.hosts.values() for each in host.commands if "restart etcd" in each]
    with pytest.raises(NotReached, match=r"etcd on node1, node2 does not answer.*no other etcd was started") as refused:
        etcd.teller()
    assert "When a majority of its members runs, retry" in refused.value.hint
    for name in old:
        etcd.hosts[name].answer("endpoint health", 0)
    assert etcd.teller() == "node1", "a missing answer is not cached for the run"


def test_machines_that_replace_all_members_get_no_empty_etcd(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = Machines(archive, monkeypatch, set_up=["node1"])
    assert set(etcd.found()) == {*NAMES}
    with pytest.raises(NotReached, match=r"was set up before, but no machine .*: node1, node2, node3"):
        etcd.teller()
    etcd.hosts["node1"].files.clear()
    authority = list(certificates.authority(etcd.cluster.machine("node1"), etcd.cluster))[1]
    with pytest.raises(InstallerError, match="no machine of the document's etcd group has the key"):
        authority.reach(etcd.cluster.machine("node1"))
    assert certificates.CA not in etcd.hosts["node1"].files


@pytest.mark.parametrize(
    ("others", "state"),
    [(("node1", "gone"), "new"), (("node1", "node2", "node3"), "existing"), ((), "new")],
    ids=["with others", "into one that ran", "not by us"],
)
def test_a_member_that_started_with_other_members_is_an_existing_etcd(
    others: tuple[str, ...], state: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etcd = Machines(archive, monkeypatch, data=["node1"], runs=["node1"], new=["node2", "node3"])
    if others:
        etcd.began("node1", *others, state=state)
    assert set(etcd.found()) == {"node2", "node3"}
    with pytest.raises(NotReached, match="etcd on node1 does not answer") as refused:
        etcd.teller()
    assert "rm -r /var/lib/etcd/member on node1" in refused.value.hint


def test_kubeadms_etcd_counts_as_silent_unless_an_api_server_is_ready(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeadm = Machines(archive, monkeypatch, document=three("kubeadm"), set_up=["node1"], new=["node3"])
    kubeadm.hosts["node1"].answer("get --raw /readyz", 1)
    assert set(kubeadm.found()) == {"node3"}
    with pytest.raises(NotReached, match="does not answer"):
        kubeadm.teller()
    kubeadm.hosts["node1"].answer("get --raw /readyz", 0)
    assert kubeadm.found() == {}, "an API server that is ready has its etcd"


def test_the_precheck_waits_for_an_election(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = ["node1", "node2"]
    etcd = Machines(archive, monkeypatch, data=old, runs=old, set_up=old, new=["node3"])
    looks: list[int] = []
    silent = members.silent_etcd

    def recovers(*given: Any) -> object:
        looks.append(1)
        if len(looks) == 3:
            etcd.hosts["node2"].answer("endpoint health", 0)
        return silent(*given)

    monkeypatch.setattr("clusters.catalog.prechecks.etcd.silent_etcd", recovers)
    assert etcd.found() == {}
    assert len(looks) == 3


NO_LOGIN = "Error: open /etc/ssl/etcd/ssl/admin-node1.pem: no such file or directory"


def test_an_etcd_that_refuses_the_login_is_not_reported_as_stopped(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ["node1", "node2"]
    etcd = Machines(archive, monkeypatch, data=old, runs=old, set_up=old, new=["node3"])
    etcd.hosts["node1"].answer("endpoint health", Answer(f"{NO_LOGIN}\n", 1))
    etcd.hosts["node2"].answer("endpoint health", Answer("x" * 100_000, 1))
    _, sink = etcd.run("precheck/etcd.silent")
    (found,) = [event for event in sink.events if isinstance(event, CheckFound)]
    assert (found.host, found.severity) == ("node3", "error")
    assert f"its service runs on node1, node2. etcdctl on node1: {NO_LOGIN}." in found.message
    assert "systemctl start etcd" not in found.fix
    assert "run once, which corrects them" in found.fix and "restore etcd from a backup" in found.fix
    etcd.hosts["node1"].answer("endpoint health", Answer("y" * 100_000, 1))
    assert len(etcd.found()["node3"]) < 1000


def test_a_machine_without_an_etcd_member_gets_only_a_warning(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("kubekey", "kubeadm"):
        group = {"etcd": ["node1"]} if kind == "kubekey" else {}
        document = seed(
            roleGroups={"master": ["node1", "node2"], "worker": NAMES, "etcd": [], **group},
            controlPlaneEndpoint={"internalLoadbalancer": "keepalived", "address": "10.99.0.200"},
            etcd={"type": kind},
        )
        etcd = Machines(
            archive, monkeypatch, document=document, data=["node1"], set_up=["node1"], new=["node2", "node3"]
        )
        etcd.hosts["node1"].answer("get --raw /readyz", 1)
        etcd.hosts["node2"].answer("test -s /etc/kubernetes/manifests/etcd.yaml", 1)
        outcome, sink = etcd.run("precheck/etcd.silent")
        found = {event.host: str(event.severity) for event in sink.events if isinstance(event, CheckFound)}
        assert found == {"node2": "warning" if kind == "kubekey" else "error", "node3": "warning"}
        assert outcome.state == ("succeeded" if kind == "kubekey" else "failed")


def test_a_precheck_does_not_wait_for_kubectl_exec(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = Machines(archive, monkeypatch, document=three("kubeadm"), set_up=["node1"], new=["node3"])
    etcd.hosts["node1"].answer("endpoint health", Answer("", 1, "error: error dialing backend: no route to host"))
    etcd.hosts["node1"].answer("get --raw /readyz", 1)
    assert members.silent_etcd(etcd.cluster.machine("node1"), etcd.cluster) is not None
    requests = [each for each in etcd.hosts["node1"].commands if "kubectl" in each]
    assert len(requests) == 2 and all(f"--request-timeout {members.SOON}s " in each for each in requests)
