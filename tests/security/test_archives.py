"""An archive makes neither a machine's tar, which runs as root, nor this server write anything but the named files."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import subprocess
import tarfile
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from clusters.engine import archives, artifacts
from clusters.engine.archives import member_digests
from clusters.engine.artifacts import unpacked
from clusters.engine.source import Artifact
from clusters.errors import SourceError
from tests.engine.test_artifacts import machine_on
from tests.fake_host import FakeHost

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, leads_to: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, leads_to, len(content)
    entry.mode = 0o4755
    return entry


def packed(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for entry, content in members:
            archive.addfile(entry, io.BytesIO(content))
    return path


GOOD = (member("bin/tool", b"good"), b"good")


@pytest.mark.parametrize(
    "entry",
    [
        member("bin/tool", kind=tarfile.SYMTYPE, leads_to="/etc/shadow"),
        member("bin/tool", kind=tarfile.SYMTYPE, leads_to="other"),
        member("bin/tool", kind=tarfile.LNKTYPE, leads_to="other"),
        member("bin/tool", kind=tarfile.CHRTYPE),
        member("bin/tool", kind=tarfile.BLKTYPE),
        member("bin/tool", kind=tarfile.FIFOTYPE),
        member("bin/tool", kind=tarfile.DIRTYPE),
    ],
    ids=lambda entry: f"{entry.type!r} {entry.linkname}",
)
def test_a_program_that_is_not_a_file_in_its_archive_is_not_sent(entry: tarfile.TarInfo, tmp_path: Path) -> None:
    archive = packed(tmp_path / "tool.tgz", (member("other", b"good"), b"good"), (entry, b""))
    with pytest.raises(SourceError, match="'bin/tool' should be a program, but is not a regular file"):
        unpacked(Artifact("tool", "v1", archive, "0" * 64), {"bin/tool": "/usr/local/bin/tool"})


@pytest.mark.parametrize("second", ["bin/tool", "./bin/tool", "bin/tool/more", "../bin/tool"])
def test_an_archive_with_a_second_member_in_a_programs_place_is_not_sent(second: str, tmp_path: Path) -> None:
    archive = packed(tmp_path / "tool.tgz", GOOD, (member(second, b"evil"), b"evil"))
    with pytest.raises(SourceError, match="conflicts with another member"):
        member_digests(archive, ("bin/tool",), "0")


def test_what_is_not_named_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's commands run here, in this machine's shell."""
    monkeypatch.setattr(artifacts, "INCOMING", str(tmp_path / "incoming"))
    outside = tmp_path / "outside"
    archive = packed(
        tmp_path / "tool.tgz",
        (member("link", kind=tarfile.SYMTYPE, leads_to=str(tmp_path)), b""),
        (member("link/outside", b"evil"), b"evil"),
        (member(str(outside), b"evil"), b"evil"),
        GOOD,
    )
    host, place = FakeHost("node1"), tmp_path / "tool"
    unpacked(Artifact("tool", "v1", archive, "0" * 64), {"bin/tool": str(place)}).reach(machine_on(host))
    subprocess.run(["/bin/sh", "-c", host.ran[0].command], input=host.ran[0].stdin, check=True)
    assert place.read_bytes() == b"good" and not outside.exists()
    assert place.stat().st_mode & 0o7777 == 0o755


def test_other_users_cannot_read_the_folder_in_which_root_unpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "INCOMING", str(tmp_path / "incoming"))
    archive = packed(tmp_path / "tool.tgz", GOOD)
    host = FakeHost("node1")
    unpacked(Artifact("tool", "v1", archive, "0" * 64), {"bin/tool": "/nowhere/at/all"}).reach(machine_on(host))
    subprocess.run(["/bin/sh", "-c", host.ran[0].command], input=host.ran[0].stdin, check=False, capture_output=True)
    (folder,) = (tmp_path / "incoming").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_program_that_became_a_link_on_the_machine_is_not_placed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever another tar than the one that was asked here makes of the same bytes."""
    monkeypatch.setattr(artifacts, "INCOMING", str(tmp_path / "incoming"))
    secret, place = tmp_path / "secret", tmp_path / "tool"
    secret.write_bytes(b"of root only")
    host = FakeHost("node1")
    archive = packed(tmp_path / "tool.tgz", GOOD)
    unpacked(Artifact("tool", "v1", archive, "0" * 64), {"bin/tool": str(place)}).reach(machine_on(host))
    link = member("bin/tool", kind=tarfile.SYMTYPE, leads_to=str(secret))
    other = packed(tmp_path / "other.tgz", (link, b"")).read_bytes()
    done = subprocess.run(["/bin/sh", "-c", host.ran[0].command], input=other, check=False, capture_output=True)
    assert done.returncode != 0 and not place.exists()


def bomb(header: bytes, size: int) -> bytes:
    """A header that announces so many bytes, and these as zeros, packed."""
    return gzip.compress(header + bytes(size) + bytes(1024), compresslevel=1)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_member_whose_name_has_a_hundred_megabytes_is_not_read_into_memory(
    kind: bytes, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    entry = member("name", kind=kind)
    entry.size = 100 << 20
    path = tmp_path / "tool.tgz"
    path.write_bytes(bomb(entry.tobuf(), entry.size))
    tracemalloc.start()
    with pytest.raises(SourceError, match="the headers of its members have more than"):
        member_digests(path, ("bin/tool",), "0")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    record_property("figure", f"{path.stat().st_size / 1e3:.0f} KB took {most / 1e6:.1f} MB")
    assert most < 16e6


def test_an_archive_that_unpacks_to_more_than_it_may_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "LARGEST_UNPACKED", 8 << 20)
    content = bytes(9 << 20)
    for name in ("other", "bin/tool"):
        path = packed(tmp_path / f"{name.partition('/')[2] or name}.tgz", (member(name, content), content), GOOD)
        with pytest.raises(SourceError, match="more than 8,388,608 bytes when unpacked"):
            member_digests(path, ("bin/tool",), "0")


def test_an_archive_with_too_many_members_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 20)
    path = packed(tmp_path / "tool.tgz", *((member(f"file{number}"), b"") for number in range(21)), GOOD)
    with pytest.raises(SourceError, match="more than 20 members"):
        member_digests(path, ("bin/tool",), "0")


def test_an_archive_cannot_ask_xz_for_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "XZ_MEMORY", 1 << 20)
    path = tmp_path / "tool.tar.xz"
    path.write_bytes(lzma.compress(bytes(1024), preset=6))
    with pytest.raises(SourceError, match="not a readable archive"):
        member_digests(path, ("bin/tool",), "0")


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", b"\x1f\x8b", gzip.compress(b"x" * 600), gzip.compress(bytes(512) * 9)[:40], b"BZh",
     b"\xfd7zXZ\0", gzip.compress(member("a").tobuf()[:124] + struct.pack(">BQ", 0xFF, 1) + bytes(400))],
    ids=["nothing", "text", "the first bytes of gzip", "other content", "cut", "bz2", "xz", "a size beyond all"],
)  # fmt: skip
def test_an_invalid_archive_is_reported(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tool.tgz"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"not a readable archive|does not contain bin/tool"):
        member_digests(path, ("bin/tool",), "0")
