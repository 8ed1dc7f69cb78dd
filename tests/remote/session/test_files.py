"""Files: written completely or not at all, with any name and size."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.errors import RemoteError
from clusters.remote.errors import FileMissing
from clusters.remote.session.files import install_command
from clusters.remote.ssh import SshHost
from tests.missing import cannot_be_had
from tests.remote.cable import Cable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sshd import Sshd

pytestmark = pytest.mark.sshd


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory on the machine (which is this one), with nothing left in it except what was put there."""
    yield tmp_path
    left = [str(path) for path in tmp_path.rglob(".slipway.*")]
    assert left == []


def test_a_file_arrives_with_mode_and_owner(root: SshHost, place: Path) -> None:
    path = place / "conf"

    root.put(b"secret: \x00\xff", str(path), mode=0o600, owner="daemon:adm")

    status = path.stat()
    assert path.read_bytes() == b"secret: \x00\xff"
    assert oct(status.st_mode & 0o7777) == "0o600"
    assert (path.owner(), path.group()) == ("daemon", "adm")


def test_by_default_a_file_belongs_to_root_and_is_readable(root: SshHost, place: Path) -> None:
    root.put(b"", str(place / "empty"))

    status = (place / "empty").stat()
    assert (status.st_uid, status.st_gid, oct(status.st_mode & 0o7777), status.st_size) == (0, 0, "0o644", 0)


def test_parent_directories_are_created(root: SshHost, place: Path) -> None:
    root.put(b"x", str(place / "a" / "b" / "c"))

    assert oct((place / "a" / "b").stat().st_mode & 0o7777) == "0o755"


def test_an_old_file_is_replaced_and_a_link_is_not_followed(root: SshHost, place: Path) -> None:
    (place / "real").write_text("keep me")
    (place / "link").symlink_to(place / "real")

    root.put(b"new", str(place / "link"))

    assert (place / "real").read_text() == "keep me"
    assert (place / "link").read_bytes() == b"new"
    assert not (place / "link").is_symlink()


@pytest.mark.parametrize(
    "name", ["with space", "quote'quote", 'double"', "new\nline", "-rf", "$HOME", "*", "é 日本", "\\n", "{0}"]
)
def test_odd_names_are_just_names(root: SshHost, place: Path, name: str) -> None:
    path = str(place / name)

    root.put(name.encode(), path)

    assert Path(path).read_bytes() == name.encode()
    assert root.get(path) == name.encode()
    assert [entry.name for entry in place.iterdir()] == [name]


def test_fifty_megabytes_there_and_back(root: SshHost, place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    local = tmp_path_factory.mktemp("local") / "big"
    local.write_bytes(os.urandom(1_000_000) * 50)
    began = time.monotonic()

    root.put(local, str(place / "big"))
    back = root.get(str(place / "big"), most=50_000_000)

    assert time.monotonic() - began < 100
    assert hashlib.sha256(back).digest() == hashlib.sha256(local.read_bytes()).digest()


def test_a_directory_in_the_way_is_reported(root: SshHost, place: Path) -> None:
    with pytest.raises(RemoteError, match="is a directory"):
        root.put(b"x", str(place))


def test_a_path_that_cannot_be_written_is_reported(root: SshHost) -> None:
    with pytest.raises(RemoteError, match="could not be written"):
        root.put(b"x", "/proc/sys/nothing-here")


def test_an_unknown_owner_is_reported_and_the_old_file_stays(root: SshHost, place: Path) -> None:
    (place / "conf").write_text("old")

    with pytest.raises(RemoteError, match="invalid user"):
        root.put(b"new", str(place / "conf"), owner="nobody-of-that-name")

    assert (place / "conf").read_text() == "old"


@pytest.mark.parametrize("path", ["relative", "", "/tmp/", "/a\x00b"])
def test_a_path_must_name_a_file(path: str) -> None:
    with pytest.raises(RemoteError, match="must be absolute"):
        install_command(path, size=0, mode=0o644, owner="root:root")


def test_a_missing_file_has_its_own_error(root: SshHost, place: Path) -> None:
    with pytest.raises(FileMissing, match="absent"):
        root.get(str(place / "absent"))


def test_a_directory_cannot_be_read(root: SshHost, place: Path) -> None:
    with pytest.raises(RemoteError, match="is a directory"):
        root.get(str(place))


def test_a_file_only_root_may_read_is_read(root: SshHost, place: Path) -> None:
    (place / "private").write_bytes(b"\x00key\n")
    (place / "private").chmod(0o600)

    assert root.get(str(place / "private")) == b"\x00key\n"


@pytest.mark.parametrize("how", ["snap", "pull"])
def test_a_link_that_breaks_on_the_way_replaces_nothing(sshd: Sshd, place: Path, how: str) -> None:
    (place / "conf").write_text("old")
    with Cable(sshd.port) as cable:
        known = sshd.known()
        known.pin("127.0.0.1", cable.port, sshd.key)
        host = SshHost(sshd.target(port=cable.port), known, ask_after=1, give_up_after=6)
        host.become_root()
        cable.after(3_000_000, getattr(cable, how))

        with pytest.raises(RemoteError) as caught:
            host.put(b"x" * 20_000_000, str(place / "conf"))
        cable.mend()
        host.close()

    assert caught.value.retryable
    assert (place / "conf").read_text() == "old"
    deadline = time.monotonic() + 60
    while list(place.glob(".slipway.*")) and time.monotonic() < deadline:
        time.sleep(0.05)


def test_a_local_file_that_shrinks_meanwhile_replaces_nothing(
    root: SshHost, place: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path_factory.mktemp("local") / "file"
    local.write_bytes(b"0123456789")
    (place / "conf").write_text("old")

    def shrunk(content: bytes | Path) -> Iterator[bytes]:
        yield b"01234"

    monkeypatch.setattr("clusters.remote.ssh.chunks_of", shrunk)
    with pytest.raises(RemoteError, match="fewer bytes arrived than were sent"):
        root.put(local, str(place / "conf"))

    assert (place / "conf").read_text() == "old"


def test_a_full_disk_is_reported_and_leaves_no_file(root: SshHost, tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        cannot_be_had(f"this machine may not mount: {mounted.stderr.decode().strip()}")
    try:
        with pytest.raises(RemoteError, match=r"The disk of .* is full") as caught:
            root.put(b"x" * 3_000_000, str(tmp_path / "large"))
        assert "df -h" in caught.value.hint
        assert list(tmp_path.iterdir()) == []
    finally:
        subprocess.run(["umount", tmp_path], check=True)
