"""Wanted states from the artifact source: what is seen decides, and who cannot pull is told what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.catalog.runtimes import runtime_of
from clusters.engine.artifacts import image
from clusters.engine.machine import FactsOnce, Machine
from clusters.engine.source import Artifact
from clusters.errors import SourceError
from clusters.remote.fake import Answer, FakeHost
from clusters.remote.host import Cancel
from tests.catalog.pretend import Kept, seed

if TYPE_CHECKING:
    from pathlib import Path

CONTAINERD = runtime_of(seed())
REF = "registry.k8s.io/pause:3.9"


def machine_on(host: FakeHost) -> Machine:
    """A machine that answers as the host does."""
    return Machine(seed().hosts[0], host, sink=Kept(), cancel=Cancel(), facts=FactsOnce())


def test_an_image_is_pulled_by_the_machine_and_then_seen_in_the_runtime() -> None:
    host = FakeHost("node1", [("ctr -n k8s.io images ls", 1)])
    host.answer("crictl pull", lambda ran: (host.answer("ctr -n k8s.io images ls", 0), Answer())[1])
    machine, want = machine_on(host), image(REF, None, CONTAINERD)
    assert want.seen(machine).found == "the runtime does not have it"
    want.reach(machine)
    assert want.seen(machine).so
    assert f"crictl pull {REF}" in [ran.command for ran in host.ran]


def test_a_pull_that_says_it_worked_is_not_believed() -> None:
    host = FakeHost("node1", [("ctr -n k8s.io images ls", 1)])
    machine, want = machine_on(host), image(REF, None, CONTAINERD)
    want.reach(machine)
    assert not want.seen(machine).so


def test_a_machine_that_cannot_pull_is_told_what_it_needs() -> None:
    said = 'level=fatal msg="pulling image: dial tcp: lookup registry.k8s.io: no such host"'
    host = FakeHost("node1", [("crictl pull", Answer(exit_code=1, stderr=said))])
    with pytest.raises(SourceError, match=r"node1 cannot pull registry.k8s.io/pause:3.9: .*no such host") as caught:
        image(REF, None, CONTAINERD).reach(machine_on(host))
    assert caught.value.retryable
    assert "needs a way to registry.k8s.io" in caught.value.hint


def test_an_image_that_the_source_has_is_sent_and_imported(tmp_path: Path) -> None:
    (tmp_path / "pause.tar").write_bytes(b"archive")
    host = FakeHost("node1")
    image(REF, Artifact("image", REF, tmp_path / "pause.tar", "0" * 64), CONTAINERD).reach(machine_on(host))
    assert [ran.stdin for ran in host.ran if ran.command.startswith("ctr -n k8s.io images import")] == [b"archive"]
    assert not any("crictl pull" in ran.command for ran in host.ran)
