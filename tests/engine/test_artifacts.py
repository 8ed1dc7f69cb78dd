"""Wanted states from the artifact source: observations decide, and a failed pull names what the machine needs."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import threading
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.runtimes import runtime_of
from clusters.engine import archives, artifacts
from clusters.engine.archives import member_digests
from clusters.engine.artifacts import binary, image, unpacked
from clusters.engine.machine import FactsOnce, Machine
from clusters.engine.source import Artifact
from clusters.errors import SourceError
from clusters.remote.host import Cancel
from tests.catalog.pretend import Kept, seed
from tests.fake_host import Answer, FakeHost

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_host import Ran

CONTAINERD = runtime_of(seed())
REF = "registry.k8s.io/pause:3.9"


def machine_on(host: FakeHost) -> Machine:
    """A machine that answers as the host does."""
    return Machine(seed().hosts[0], host, sink=Kept(), cancel=Cancel(), facts=FactsOnce())


def test_an_image_is_pulled_by_the_machine_and_then_observed_in_the_runtime() -> None:
    host = FakeHost("node1", [("ctr -n k8s.io images ls", 1)])

    def pull(ran: Ran) -> Answer:
        host.answer("ctr -n k8s.io images ls", 0)
        return Answer()

    host.answer("crictl pull", pull)
    machine, want = machine_on(host), image(REF, None, CONTAINERD)
    assert want.seen(machine).found == "the runtime does not have it"
    want.reach(machine)
    assert want.seen(machine).so
    assert f"crictl pull {REF}" in [ran.command for ran in host.ran]


def test_a_pull_is_not_trusted_because_of_its_exit_code() -> None:
    host = FakeHost("node1", [("ctr -n k8s.io images ls", 1)])
    machine, want = machine_on(host), image(REF, None, CONTAINERD)
    want.reach(machine)
    assert not want.seen(machine).so


def test_the_error_of_a_failed_pull_names_what_the_machine_needs() -> None:
    said = 'level=fatal msg="pulling image: dial tcp: lookup registry.k8s.io: no such host"'
    host = FakeHost("node1", [("crictl pull", Answer(exit_code=1, stderr=said))])
    with pytest.raises(SourceError, match=r"node1 cannot pull registry.k8s.io/pause:3.9: .*no such host") as caught:
        image(REF, None, CONTAINERD).reach(machine_on(host))
    assert caught.value.retryable
    assert "must reach registry.k8s.io" in caught.value.hint


def archive_of(tmp_path: Path) -> Artifact:
    """An image's archive, as a bundle has it."""
    (tmp_path / "pause.tar").write_bytes(b"archive")
    return Artifact("image", REF, tmp_path / "pause.tar", "0" * 64)


def test_an_image_that_the_source_has_is_sent_imported_and_pinned(tmp_path: Path) -> None:
    host = FakeHost("node1", [("ctr -n k8s.io images ls", 1)])
    image(REF, archive_of(tmp_path), CONTAINERD).reach(machine_on(host))
    assert [ran.stdin for ran in host.ran if ran.command.startswith("ctr -n k8s.io images import")] == [b"archive"]
    pinned = f"ctr -n k8s.io images label {REF} io.cri-containerd.pinned=pinned >/dev/null"
    assert host.ran[-1].command == pinned
    assert not any("crictl pull" in ran.command for ran in host.ran)


def test_an_unpinned_image_is_pinned_without_being_sent_again(tmp_path: Path) -> None:
    host = FakeHost("node1", [("pinned==pinned", 1), ('pinned"==pinned', 1)])
    machine, want = machine_on(host), image(REF, archive_of(tmp_path), CONTAINERD)
    assert "kubelet may delete it" in want.seen(machine).found
    want.reach(machine)
    commands = [ran.command for ran in host.ran]
    assert not any("images import" in command for command in commands)
    assert any("images label" in command for command in commands)


def test_an_image_that_the_machine_pulls_is_not_pinned() -> None:
    host = FakeHost("node1")
    machine, want = machine_on(host), image(REF, None, CONTAINERD)
    assert want.seen(machine).so
    want.reach(machine)
    assert not any("pinned" in ran.command for ran in host.ran)


def packed(path: Path, mode: Any, **members: bytes) -> Artifact:
    """An archive with these members in its folder `bin`."""
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"./bin/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return Artifact("tool", "v1", path, "0" * 64)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_an_archive_is_unpacked_as_it_arrives(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's shell executes the commands that the machine would get."""
    monkeypatch.setattr(artifacts, "INCOMING", str(tmp_path / "incoming"))
    artifact = packed(tmp_path / "tool.tar", mode, one=b"first", two=b"second", more=b"not wanted")
    host, place = FakeHost("node1"), tmp_path / "programs"
    place.mkdir()
    (place / "one").write_bytes(b"an older one")
    want = unpacked(artifact, {f"bin/{name}": str(place / name) for name in ("one", "two")})
    want.reach(machine_on(host))
    (ran,) = host.ran
    subprocess.run(["/bin/sh", "-c", ran.command], input=ran.stdin, check=True)

    assert {path.name: path.read_bytes() for path in place.iterdir()} == {"one": b"first", "two": b"second"}
    assert all(path.stat().st_mode & 0o777 == 0o755 for path in place.iterdir())
    assert list((tmp_path / "incoming").iterdir()) == []


def test_an_archive_that_is_cut_off_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "INCOMING", str(tmp_path / "incoming"))
    artifact = packed(tmp_path / "tool.tgz", "w:gz", one=bytes(range(256)) * 999, two=b"second")
    host, place = FakeHost("node1"), tmp_path / "one"
    place.write_bytes(b"an older one")
    unpacked(artifact, {"bin/one": str(place)}).reach(machine_on(host))
    cut = (host.ran[0].stdin or b"")[:-300]
    done = subprocess.run(["/bin/sh", "-c", host.ran[0].command], input=cut, capture_output=True, check=False)

    assert done.returncode != 0
    assert place.read_bytes() == b"an older one"


def test_an_archive_is_read_once_for_machines_that_ask_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path / "tool.tar", "w", one=b"first").path
    opened: list[str] = []
    real = archives._members

    def members(packed: Any, name: Any) -> Any:
        opened.append(name)
        return real(packed, name)

    monkeypatch.setattr(archives, "_members", members)
    asking = [threading.Thread(target=member_digests, args=(path, ("bin/one",), "0")) for _ in range(5)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()

    assert opened == [path.name]


def test_a_replaced_archive_is_read_again(tmp_path: Path) -> None:
    path, seen = tmp_path / "tool.tar", []
    for content in (b"old", b"new"):
        with tarfile.open(path, "w") as opened:
            entry = tarfile.TarInfo("bin/tool")
            entry.size = len(content)
            opened.addfile(entry, io.BytesIO(content))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        digest = hashlib.sha256(content).hexdigest()
        host = FakeHost("node1", [("sha256sum", f"{digest} */usr/local/bin/tool\n")])
        want = unpacked(Artifact("tool", "v1", path, sha256), {"bin/tool": "/usr/local/bin/tool"})
        seen.append(want.seen(machine_on(host)).so)
    assert seen == [True, True]


def test_a_file_without_a_digest_in_the_answer_is_missing(tmp_path: Path) -> None:
    (tmp_path / "kubelet").write_bytes(b"x")
    want = binary(Artifact("kubelet", "v1.37.2", tmp_path / "kubelet", "0" * 64), "/usr/local/bin/kubelet")
    assert want.seen(machine_on(FakeHost("node1"))).found == "there is no /usr/local/bin/kubelet"
