"""A machine belongs to the cluster whose identity it carries, whatever the names of clusters are."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog import pki
from clusters.catalog.identity import pin_of, read_claim
from clusters.catalog.leaders import find_leaders
from clusters.catalog.steps.os import claim
from clusters.engine.check import CHECKS
from clusters.engine.identity import Identity
from clusters.engine.wants import NotReached
from clusters.remote.host import Cancel
from tests.catalog.prechecks.findings import found
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.cluster import Cluster
    from tests.fake_host import FakeHost

CA, CA_KEY = "/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/ca.key"
CLAIM = "/etc/slipway/cluster.json"
NODE = {"traces": ("/etc/kubernetes/kubelet.conf",)}
OURS, THEIRS = "11111111-aaaa", "22222222-bbbb"


@functools.cache
def authority(name: str) -> bytes:
    """The certificate of an authority."""
    return pki.make_authority(name).certificate


class Scene:
    """The seed's machines, and what they carry: node1 is the control plane, node2 and node3 are workers."""

    def __init__(self, archive: Path, monkeypatch: pytest.MonkeyPatch, name: str = "sample", **own: str) -> None:
        nodes = dict.fromkeys(("node1", "node2", "node3"), NODE)
        made = pretend(monkeypatch, archive, seed(), **nodes)
        self.cluster: Cluster = made[0]
        self.hosts: dict[str, FakeHost] = made[1]
        self.cluster.identity = Identity(own.get("id", OURS), own.get("authority", ""))
        self.cluster.document = self.cluster.document.model_copy(update={"name": name})
        for host in self.hosts.values():
            host.answer(f"test -s {CA_KEY}", 1)

    def carries(self, name: str, ca: str = "", *, key: bool = False, **claim: str) -> Scene:
        """This machine has a claim, an authority's certificate, and its key."""
        if claim:
            self.hosts[name].put(json.dumps(claim).encode(), CLAIM)
        if ca:
            self.hosts[name].put(authority(ca), CA)
        self.hosts[name].answer(f"test -s {CA_KEY}", 0 if key else 1)
        return self

    def leftovers(self, name: str) -> str:
        """What the precheck finds on this machine."""
        return " ".join(each.message for each in found("k8s.leftovers", self.cluster, name))

    def leaders(self) -> dict[str, str]:
        """The leaders, if each machine's answer has its claim and all words."""
        for host in self.hosts.values():
            text = host.files[CLAIM].content.decode() if CLAIM in host.files else ""
            host.answer("cluster.json", f"{text}\nauthority\ninitialised\nanswers\n")
        opened = lambda spec: self.hosts[spec.name]  # noqa: E731
        return find_leaders(self.cluster.document, opened, Cancel(), self.cluster.identity)


@pytest.fixture
def scene(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(archive, monkeypatch)


@pytest.mark.parametrize("fields", [{"id": THEIRS, "authority": "sha256:x"}, {"id": THEIRS}, {}])
def test_a_worker_of_another_cluster_with_the_same_name_is_refused(scene: Scene, fields: dict[str, Any]) -> None:
    scene.carries("node3", "theirs", cluster="sample", **fields)
    assert "node3 belongs to the cluster sample" in scene.leftovers("node3")
    assert not CHECKS.checks["k8s.leftovers"].waivable
    with pytest.raises(NotReached, match="belongs to the cluster sample"):
        list(claim.claim(scene.cluster.machine("node3"), scene.cluster))


def test_a_worker_of_another_cluster_is_refused_by_a_running_control_plane(scene: Scene) -> None:
    scene.carries("node1", "ours", key=True, cluster="sample", id=OURS)
    scene.carries("node2", "ours", cluster="sample", id=OURS)
    scene.carries("node3", "theirs", cluster="sample", id=OURS)
    assert scene.leftovers("node1") == scene.leftovers("node2") == ""
    assert "node3 belongs to" in scene.leftovers("node3")


def test_a_renamed_cluster_keeps_its_machines(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(archive, monkeypatch, name="renamed")
    scene.carries("node1", "ours", key=True, cluster="before", id=OURS)
    scene.carries("node2", "ours", cluster="before", id=OURS).carries("node3", cluster="before", id=OURS)
    assert {scene.leftovers(each) for each in scene.hosts} == {""}
    (written,) = list(claim.claim(scene.cluster.machine("node2"), scene.cluster))[1:]
    written.reach(scene.cluster.machine("node2"))
    stored = read_claim(scene.hosts["node2"].files[CLAIM].content)
    assert stored is not None
    assert (stored.cluster, stored.id, stored.authority) == ("renamed", OURS, pin_of(authority("ours")))
    assert scene.leaders() == {"master": "node1", "etcd": "node1"}


def test_a_renamed_cluster_of_an_earlier_release_is_known_by_its_authority(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(archive, monkeypatch, name="renamed", authority=pin_of(authority("ours")))
    scene.carries("node1", "ours", key=True, cluster="before").carries("node2", "ours", cluster="before")
    scene.carries("node3", "theirs", cluster="before")
    assert scene.leftovers("node1") == scene.leftovers("node2") == ""
    assert "node3 belongs to the cluster before; this document is for renamed" in scene.leftovers("node3")


def test_a_cluster_of_the_same_name_is_not_mixed_with_another_one(scene: Scene) -> None:
    scene.carries("node1", "theirs", key=True, cluster="sample", id=THEIRS)
    scene.carries("node2", "theirs", cluster="sample", id=THEIRS).carries("node3", "third", cluster="sample", id=THEIRS)
    assert scene.leftovers("node1") == scene.leftovers("node2") == ""
    assert "node3 belongs to" in scene.leftovers("node3")
    assert len(found("k8s.other_identity", scene.cluster)) == 1
    assert scene.leaders()["master"] == "node1"


def test_a_cluster_of_another_name_is_never_taken_over(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(archive, monkeypatch, name="other")
    scene.carries("node1", "theirs", key=True, cluster="sample", id=THEIRS)
    assert "node1 belongs to the cluster sample" in scene.leftovers("node1")
    assert found("k8s.other_identity", scene.cluster) == []
    assert scene.leaders() == {}


def test_a_machine_that_was_only_claimed_is_free_for_another_cluster(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    cluster.identity = Identity(OURS)
    hosts["node2"].put(json.dumps({"cluster": "x", "id": THEIRS}).encode(), CLAIM)
    assert found("k8s.leftovers", cluster, "node2") == []
    assert list(claim.claim(cluster.machine("node2"), cluster))


@pytest.mark.parametrize("content", ["", "[]", "{}", "7", '{"id": "x"}', "\xff"])
def test_an_unreadable_claim_names_no_cluster(content: Any) -> None:
    stored = read_claim(content)
    assert stored is not None and "does not name" in stored.cluster and stored.id == ""
    assert read_claim(None) is None
