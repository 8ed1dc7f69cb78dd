"""Members of a running etcd: new ones join as learners, dead unlisted ones are removed if that is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.steps.etcd import certificates, existing, members, start
from clusters.engine.wants import NotReached
from clusters.errors import Cancelled, InstallerError
from clusters.remote.host import Cancel
from clusters.remote.shell import sh
from tests.catalog.pretend import pretend, seed
from tests.fake_host import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.cluster import Cluster
    from tests.fake_host import FakeHost, Ran

NAMES = ["node1", "node2", "node3"]
THREE = seed(roleGroups={"etcd": NAMES, "master": NAMES, "worker": NAMES})


def row(number: int, name: str = "", *, learner: bool = False) -> str:
    state, clients = ("started", f"https://10.99.0.{number}:2379") if name else ("unstarted", "")
    return f"{number:x}, {state}, {name}, https://10.99.0.{number}:2380, {clients}, {str(learner).lower()}"


class Etcd:
    """An etcd on node1; `rows` are its members, `dead` the numbers of those that do not answer."""

    def __init__(self, archive: Path, monkeypatch: pytest.MonkeyPatch, *rows: str, dead: tuple[int, ...] = ()) -> None:
        found = pretend(monkeypatch, archive, THREE)
        self.cluster: Cluster = found[0]
        self.hosts: dict[str, FakeHost] = found[1]
        self.notes: list[Any] = found[2].events
        self.rows = list(rows)
        host = self.hosts["node1"]
        host.answer("systemctl is-active --quiet etcd", 0)
        host.answer("member list", lambda ran: Answer("\n".join(self.rows)))
        host.answer("member add", self._add)
        host.answer("member promote", self._promote)
        for number in dead:
            host.answer(f"--endpoints https://10.99.0.{number}:2379", 1)
        monkeypatch.setattr(members, "BETWEEN", 0.0)

    def _add(self, ran: Ran) -> Answer:
        self.rows.append(row(13))
        return Answer()

    def _promote(self, ran: Ran) -> Answer:
        self.rows[-1] = row(13, "node3")
        return Answer()

    def ran(self, word: str) -> list[str]:
        """Commands on node1 with that word."""
        return [each for each in self.hosts["node1"].commands if word in each]


def test_unreadable_peer_addresses_are_ignored() -> None:
    peers = ("https://[::1", "https://10.9.1.1:2380", "http://h:99999999", "")
    assert members.Member("1", "a", started=True, peers=peers, clients=(), learner=False).addresses == {"10.9.1.1"}


def test_a_dead_stranger_is_removed_and_a_live_one_stays(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = Etcd(archive, monkeypatch, row(11, "node1"), row(12, "node2"), row(98, "old"), row(99, "gone"), dead=(99,))
    want, machine = members.without_dead_members(etcd.cluster), etcd.cluster.machine("node1")
    sight = want.seen(machine)
    assert not sight.so and "gone" in sight.found and "old" not in sight.found
    want.reach(machine)
    (removed,) = etcd.ran("member remove")
    assert removed.endswith("member remove 63 2>&1")
    assert any("old" in each.text and "it stays" in each.text for each in etcd.notes)


def test_a_member_counts_as_dead_after_three_checks_then_one_is_enough(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etcd = Etcd(archive, monkeypatch, row(11, "node1"), row(12, "node2"), row(99, "gone"), dead=(99,))
    want, machine = members.without_dead_members(etcd.cluster), etcd.cluster.machine("node1")
    assert not want.seen(machine).so
    assert len(etcd.ran("10.99.0.99:2379")) == members.LOOKS
    etcd.hosts["node1"].answer("10.99.0.99:2379", 0)
    want.reach(machine)
    assert len(etcd.ran("10.99.0.99:2379")) == members.LOOKS + 1
    assert etcd.ran("member remove") == [], "it has recovered meanwhile"
    etcd.hosts["node1"].answer("10.99.0.99:2379", 1)
    assert not want.seen(machine).so
    assert len(etcd.ran("10.99.0.99:2379")) == 2 * members.LOOKS + 1, "it is no longer believed to be dead"


def test_dead_members_stay_while_too_few_others_are_healthy(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (row(11, "node1"), row(12, "node2"), row(13, "node3"), row(99, "gone"))
    etcd = Etcd(archive, monkeypatch, *rows, dead=(12, 13, 99))
    want, machine = members.without_dead_members(etcd.cluster), etcd.cluster.machine("node1")
    assert want.seen(machine).so
    want.reach(machine)
    assert etcd.ran("member remove") == []


def test_a_dead_member_in_the_document_stays(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = Etcd(archive, monkeypatch, row(11, "node1"), row(12, "node2"), row(13, "node3"), dead=(13,))
    assert members.without_dead_members(etcd.cluster).seen(etcd.cluster.machine("node1")).so


def test_a_new_machine_joins_as_a_learner_and_then_votes(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = Etcd(archive, monkeypatch, row(11, "node1"), row(12, "node2"))
    machine = etcd.cluster.machine("node3")
    want = start.joined(machine, etcd.cluster)
    assert want.seen(machine).found == "node3 is not a member of etcd"
    want.reach(machine)
    assert "member add node3 --learner --peer-urls https://10.99.0.13:2380" in etcd.ran("member add")[0]
    text = etcd.hosts["node3"].get(existing.ENV).decode()
    assert "ETCD_INITIAL_CLUSTER_STATE=existing\n" in text
    assert "node1=https://10.99.0.11:2380,node2=https://10.99.0.12:2380,node3=https://10.99.0.13:2380\n" in text
    etcd.hosts["node3"].answer("test -d /var/lib/etcd/member", 0)
    assert want.seen(machine).so and start.votes(machine, etcd.cluster).seen(machine).so
    etcd.rows[-1] = row(13, "node3", learner=True)
    assert not start.votes(machine, etcd.cluster).seen(machine).so


def test_a_cancel_during_a_join_or_removal_leaves_no_incomplete_member(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etcd = Etcd(archive, monkeypatch, row(11, "node1"), row(12, "node2"), row(99, "gone"), dead=(99,))
    cancel = Cancel()
    machine = etcd.cluster.machine("node3").during("etcd/start", timeout=60, cancel=cancel)

    def add(ran: Ran) -> Answer:
        cancel.ask("Somebody asked.")
        etcd.rows.append(row(13, "node3", learner=True))
        return Answer()

    etcd.hosts["node1"].answer("member add", add)
    start.joined(machine, etcd.cluster).reach(machine)
    assert etcd.ran("member promote") and not cancel.outliving
    with pytest.raises(Cancelled):
        machine.ask(sh("true"))
    late = Cancel()
    first = etcd.cluster.machine("node1").during("etcd/members", timeout=60, cancel=late)

    def silent(ran: Ran) -> Answer:
        late.ask("Somebody asked.")
        return Answer(exit_code=1)

    etcd.hosts["node1"].answer("--endpoints https://10.99.0.99:2379", silent)
    members.without_dead_members(etcd.cluster).reach(first)
    assert late.is_requested and etcd.ran("member remove")
    with pytest.raises(Cancelled):
        members.without_dead_members(etcd.cluster).reach(first)


def test_a_machine_that_lost_its_disk_joins_again(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = Etcd(archive, monkeypatch, row(11, "node1"), row(12, "node2"), row(13, "node3"))
    machine = etcd.cluster.machine("node3")
    want = start.joined(machine, etcd.cluster)
    assert "lost its data" in want.seen(machine).found
    want.reach(machine)
    assert etcd.ran("member remove d ") and etcd.ran("member add node3")


def test_old_data_of_a_removed_member_is_not_deleted(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = Etcd(archive, monkeypatch, row(11, "node1"), row(12, "node2"))
    etcd.hosts["node3"].answer("test -d /var/lib/etcd/member", 0)
    machine = etcd.cluster.machine("node3")
    with pytest.raises(NotReached, match="was removed from it") as refused:
        start.joined(machine, etcd.cluster).seen(machine)
    assert "rm -r /var/lib/etcd/member" in refused.value.hint


def test_a_member_keeps_its_initial_settings_when_others_change(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = Etcd(archive, monkeypatch, row(11, "node1"), row(12, "node2"), row(13, "node3"))
    before = "ETCD_INITIAL_CLUSTER=node1=https://10.99.0.11:2380\nETCD_INITIAL_CLUSTER_STATE=new\n"
    etcd.hosts["node1"].put(before.encode(), existing.ENV)
    etcd.hosts["node1"].answer("test -d /var/lib/etcd/member", 0)
    assert before in start.environment(etcd.cluster.machine("node1"), etcd.cluster)


def test_no_second_authority_is_created_while_members_trust_a_lost_one(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, THREE)
    hosts["node1"].files.clear()
    hosts["node2"].answer("test -d /var/lib/etcd/member", 0)
    machine = cluster.machine("node1")
    want = list(certificates.authority(machine, cluster))[1]
    with pytest.raises(InstallerError, match="node2 is an etcd member"):
        want.reach(machine)
    hosts["node2"].answer("test -d /var/lib/etcd/member", 1)
    want.reach(machine)
    assert want.seen(machine).so
