"""What is in a tar archive, read once and within bounds before a machine unpacks any of it as root."""

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
"""How a packed archive begins, and tar's option for it."""

MOST_MEMBERS = 10_000
"""Files in one archive; the largest release archives have some hundred."""

LARGEST_UNPACKED = 2 << 30
"""Bytes of all members together; containerd's have 120 MB."""

LARGEST_HEADERS = 32 << 20
"""Bytes of what stands before the members, together: their names and extensions."""

XZ_MEMORY = 256 << 20
"""Bytes that xz may ask for to unpack; `xz -9` needs 65 MiB, and a header may ask for 4 GiB."""

PIECE = 1 << 18

_READING = threading.Lock()
_BROKEN = (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, OverflowError, RecursionError)


def member_digests(archive: Path, members: tuple[str, ...], sha256: str) -> Mapping[str, tuple[str, str]]:
    """Name without "./" -> name as it stands in the archive, and SHA-256; read once per process.

    `sha256` is the archive's own: another one may come to lie in its place, with a newer bundle.
    Each member has to be there once, as a file itself: a link would let tar, which works as root, write or read
    elsewhere. Raises SourceError.
    """
    # The cache alone would let every machine that asks meanwhile read the archive for itself.
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
                    raise _refused(archive.name, f"{_named(entry)} stands in the way of another member")
                if name in wanted:
                    found[name] = (entry.name, _digest(entry, content, archive.name))
    except _BROKEN as error:
        raise SourceError(
            f"{archive.name} is not an archive that can be read: {error}.", hint="Is the file damaged? Fetch it again."
        ) from error
    missing = wanted - set(found)
    if missing:
        raise SourceError(
            f"{archive.name} has no {', '.join(sorted(missing))}.", hint="Is it the release archive of that component?"
        )
    return found


def packing(archive: Path) -> str:
    """The option of tar for an archive that it reads from a pipe, where it does not find out by itself."""
    with archive.open("rb") as opened:
        return _packing(opened)


def _packing(opened: IO[bytes]) -> str:
    start = opened.read(6)
    return next((option for magic, option in PACKINGS.items() if start.startswith(magic)), "")


def _below(name: str, wanted: set[str]) -> bool:
    """Whether tar would unpack this, too, when it is asked for one of those: what lies in a folder of that name."""
    return any(name.startswith(f"{each}/") for each in wanted)


def _members(packed: IO[bytes], archive: str) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Every member, and its content if it is a file; the content is read, if at all, before the next member."""
    stream = _Stream(_pieces(packed), archive)
    with tarfile.open(fileobj=stream, mode="r:") as opened:  # type: ignore[call-overload]
        count = 0
        while (entry := opened.next()) is not None:
            count += 1
            if count > MOST_MEMBERS:
                raise _refused(archive, f"it has more than {MOST_MEMBERS:,} members")
            stream.allow(entry.size)
            yield entry, opened.extractfile(entry) if entry.isreg() and not entry.issparse() else None
            # Everything that is read from here on, up to the next member, is what tar calls a header.
            stream.allow(0)
            opened.members.clear()


def _digest(entry: tarfile.TarInfo, content: IO[bytes] | None, archive: str) -> str:
    if content is None:
        raise _refused(archive, f"{_named(entry)} is wanted as a program, and is not a plain file there")
    return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]


def _refused(archive: str, why: str) -> SourceError:
    return SourceError(
        f"{archive} is not unpacked: {why}.",
        hint="A release archive of its project has nothing like this. Compare the file with the one they publish.",
    )


def _named(entry: tarfile.TarInfo) -> str:
    return repr(entry.name[:100])


def _pieces(packed: IO[bytes]) -> Iterator[bytes]:
    """The archive without its packing, in pieces of limited size."""
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
            raise EOFError("it ends too early")
        if piece := unpacking.decompress(data, PIECE):
            yield piece


class _Stream:
    """The unpacked bytes as a file that is only read forwards, with an end to how many there may be.

    tarfile reads names and extensions of a member into memory, as many bytes as the archive says they have: of those
    it gets no more than LARGEST_HEADERS.
    """

    def __init__(self, pieces: Iterator[bytes], archive: str) -> None:
        self._pieces = pieces
        self._archive = archive
        self._held = b""
        self._at = self._content = self._headers = 0

    def allow(self, content: int) -> None:
        """Of what is read up to the next call, so many bytes are no header."""
        self._content = content

    def tell(self) -> int:
        """How many bytes were read or passed over."""
        return self._at

    def seek(self, place: int) -> int:
        """Pass over what lies before that place."""
        if place < self._at:
            raise tarfile.ReadError("its members lie one over the other")
        self._take(place - self._at, keep=False)
        return self._at

    def read(self, size: int) -> bytes:
        """The next bytes; fewer at the end."""
        content = min(size, self._content)
        self._content -= content
        self._headers += size - content
        if size < 0 or self._headers > LARGEST_HEADERS:
            raise _refused(self._archive, f"the names of its members have more than {LARGEST_HEADERS:,} bytes")
        return self._take(size, keep=True)

    def _take(self, size: int, *, keep: bool) -> bytes:
        if self._at + size > LARGEST_UNPACKED:
            raise _refused(self._archive, f"it has more than {LARGEST_UNPACKED:,} bytes when unpacked")
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
