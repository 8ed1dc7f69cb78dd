"""The content of a tar archive, read once and with limits before a machine unpacks any of it as root."""

from __future__ import annotations

import bz2
import functools
import gzip
import hashlib
import lzma
import tarfile
import threading
import zlib
from typing import IO, TYPE_CHECKING

from clusters.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PACKINGS = {b"\x1f\x8b": "z", b"\xfd7zXZ\0": "J", b"BZh": "j"}
"""First bytes of a compressed archive, and tar's option for it."""

MOST_MEMBERS = 10_000
"""Files in one archive; the largest release archives have a few hundred."""

LARGEST_UNPACKED = 2 << 30
"""Bytes of all members together; containerd's archive has 120 MB."""

LARGEST_HEADERS = 32 << 20
"""Bytes of all member headers together: their names and extensions."""

XZ_MEMORY = 256 << 20
"""Bytes of memory that xz may use to unpack; `xz -9` needs 65 MiB, and a header may request 4 GiB."""

PIECE = 1 << 18

_READING = threading.Lock()
_BROKEN = (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, OverflowError, RecursionError)


def member_digests(archive: Path, members: tuple[str, ...], sha256: str) -> Mapping[str, tuple[str, str]]:
    """Name without "./" -> exact name in the archive, and SHA-256; read once per process.

    `sha256` is the archive's own: a newer bundle may replace the file.
    Each member must exist exactly once, as a regular file: a link would let tar, which runs as root, write or read
    elsewhere. Raises SourceError.
    """
    # With the cache alone, every machine that asks meanwhile would read the archive itself.
    with _READING:
        return _member_digests(archive, members, sha256)


@functools.lru_cache(maxsize=64)
def _member_digests(archive: Path, members: tuple[str, ...], sha256: str) -> Mapping[str, tuple[str, str]]:
    wanted = set(members)
    found: dict[str, tuple[str, str]] = {}
    try:
        with archive.open("rb") as packed:
            for entry, content in _members(packed, archive.name):
                name = entry.name.removeprefix("./")
                if name.partition("/")[0] == ".." or _below(name, wanted) or (name in wanted and name in found):
                    raise _refusal(archive.name, f"{_quote(entry)} conflicts with another member")
                if name in wanted:
                    found[name] = (entry.name, _digest(entry, content, archive.name))
    except _BROKEN as error:
        raise SourceError(
            f"{archive.name} is not a readable archive: {error}.", hint="Is the file damaged? Fetch it again."
        ) from error
    missing = wanted - set(found)
    if missing:
        raise SourceError(
            f"{archive.name} does not contain {', '.join(sorted(missing))}.",
            hint="Is it the release archive of that component?",
        )
    return found


def packing(archive: Path) -> str:
    """tar's option for an archive that it reads from a pipe, where it cannot detect the compression itself."""
    with archive.open("rb") as opened:
        return _packing(opened)


def _packing(opened: IO[bytes]) -> str:
    start = opened.read(6)
    return next((option for magic, option in PACKINGS.items() if start.startswith(magic)), "")


def _below(name: str, wanted: set[str]) -> bool:
    """Whether tar would also unpack this member when asked for one of those: it is in a folder of that name."""
    return any(name.startswith(f"{each}/") for each in wanted)


def _members(packed: IO[bytes], archive: str) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Every member, and its content if it is a file; read the content, if at all, before the next member."""
    stream = _Stream(_pieces(packed), archive)
    with tarfile.open(fileobj=stream, mode="r:") as opened:  # type: ignore[call-overload]
        count = 0
        while (entry := opened.next()) is not None:
            count += 1
            if count > MOST_MEMBERS:
                raise _refusal(archive, f"it has more than {MOST_MEMBERS:,} members")
            stream.allow(entry.size)
            yield entry, opened.extractfile(entry) if entry.isreg() and not entry.issparse() else None
            # Everything that is read from here to the next member is a header.
            stream.allow(0)
            opened.members.clear()


def _digest(entry: tarfile.TarInfo, content: IO[bytes] | None, archive: str) -> str:
    if content is None:
        raise _refusal(archive, f"{_quote(entry)} should be a program, but is not a regular file")
    return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]


def _refusal(archive: str, why: str) -> SourceError:
    return SourceError(
        f"{archive} is not unpacked: {why}.",
        hint="Release archives do not look like this. Compare the file with the one that its project publishes.",
    )


def _quote(entry: tarfile.TarInfo) -> str:
    return repr(entry.name[:100])


def _pieces(packed: IO[bytes]) -> Iterator[bytes]:
    """The uncompressed archive, in pieces of limited size."""
    kind = _packing(packed)
    packed.seek(0)
    if kind == "J":
        yield from _from_xz(packed)
        return
    opened: IO[bytes] = packed
    if kind == "z":
        opened = gzip.GzipFile(fileobj=packed)  # type: ignore[assignment]
    elif kind == "j":
        opened = bz2.BZ2File(packed)
    while piece := opened.read(PIECE):
        yield piece


def _from_xz(packed: IO[bytes]) -> Iterator[bytes]:
    unpacking = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
    while not unpacking.eof:
        data = packed.read(PIECE) if unpacking.needs_input else b""
        if unpacking.needs_input and not data:
            raise EOFError("it is truncated")
        if piece := unpacking.decompress(data, PIECE):
            yield piece


class _Stream:
    """The unpacked bytes as a file that is only read forwards, with a limit on their number.

    tarfile reads names and extensions of a member into memory, as many bytes as the archive claims: it gets no more
    than LARGEST_HEADERS of them.
    """

    def __init__(self, pieces: Iterator[bytes], archive: str) -> None:
        self._pieces = pieces
        self._archive = archive
        self._held = b""
        self._at = self._content = self._headers = 0

    def allow(self, content: int) -> None:
        """Of the bytes read until the next call, this many are content, not header."""
        self._content = content

    def tell(self) -> int:
        """How many bytes were read or skipped."""
        return self._at

    def seek(self, place: int) -> int:
        """Skip everything before that position."""
        if place < self._at:
            raise tarfile.ReadError("its members overlap")
        self._take(place - self._at, keep=False)
        return self._at

    def read(self, size: int) -> bytes:
        """The next bytes; fewer at the end."""
        content = min(size, self._content)
        self._content -= content
        self._headers += size - content
        if size < 0 or self._headers > LARGEST_HEADERS:
            raise _refusal(self._archive, f"the headers of its members have more than {LARGEST_HEADERS:,} bytes")
        return self._take(size, keep=True)

    def _take(self, size: int, *, keep: bool) -> bytes:
        if self._at + size > LARGEST_UNPACKED:
            raise _refusal(self._archive, f"it has more than {LARGEST_UNPACKED:,} bytes when unpacked")
        parts: list[bytes] = []
        while size > 0:
            if not self._held and not (piece := next(self._pieces, b"")):
                break
            elif not self._held:
                self._held = piece
            part, self._held = self._held[:size], self._held[size:]
            size -= len(part)
            self._at += len(part)
            if keep:
                parts.append(part)
        return b"".join(parts)
