"""Fetching files from a web server: complete, checked, only once, and resumed after a broken connection."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.error import HTTPError, URLError

from clusters.addresses import host_of
from clusters.catalog.sources import web
from clusters.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.client import HTTPResponse
    from pathlib import Path

    from clusters.engine.source import Asker

T = TypeVar("T")

ATTEMPTS = 4
"""How often a transfer is started or resumed before it counts as failed."""

REST = 1.0
"""Seconds before the second attempt, doubled before each further one."""

NOTE_EVERY = 5.0
"""Seconds between two progress lines of a download."""

LOOK_EVERY = 0.5
"""Seconds between two checks whether another download of the same file is over."""

PIECE = 1 << 18
MOST_TEXT = 1 << 22
"""Limit in bytes of a checksum file; the longest existing ones, of whole releases, have a few hundred lines."""

TEXT_TIMEOUT = 60.0
"""Seconds for a whole small text, even if its server sends slowly."""

LARGEST_UNANNOUNCED = 2 << 30
"""Limit in bytes of a file whose size was not announced; upstream's largest have a tenth of that."""

SLACK = 64 << 10
"""Bytes by which a file may exceed its announced size before it is rejected."""

RESERVE = 256 << 20
"""Bytes of the disk that a download leaves free: Slipway's database is on the same one."""

LOOK_AT_DISK_EVERY = 16 << 20
"""Bytes between two checks of the free space on the disk."""

LONGEST = 6 * 3600.0
"""Seconds for a file that no step with a timeout has requested."""


class Nobody:
    """An asker that ignores progress, and gives up only after half a working day."""

    def __init__(self) -> None:
        self._until = time.monotonic() + LONGEST

    def note(self, text: str) -> None:
        """Ignore it."""

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def seconds_left(self) -> float:
        """Seconds until it gives up."""
        return self._until - time.monotonic()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a local file."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def fetch_text(url: str, asker: Asker | None = None, *, attempts: int | None = None) -> str:
    """A small text, such as a checksum file. Raises SourceError; NotPublished when the server has none."""
    return fetch_bytes(url, asker, attempts=attempts).decode("utf-8", "replace")


def fetch_bytes(url: str, asker: Asker | None = None, *, attempts: int | None = None, most: int = MOST_TEXT) -> bytes:
    """The bytes of a small file. Raises SourceError, also for a large file; NotPublished when the server has none."""
    return _trying(url, lambda: _small(url, most), asker or Nobody(), attempts)


def _small(url: str, most: int) -> bytes:
    until = time.monotonic() + TEXT_TIMEOUT
    content = bytearray()
    with web.open_url(url) as answer:
        length = web.length_of(answer)
        while len(content) <= most and (length or 0) <= most and (piece := web.read(answer, PIECE, at_once=True)):
            content += piece
            if time.monotonic() > until:
                raise SourceError(
                    f"{url} was not downloaded within {TEXT_TIMEOUT:g} s, although it is small.",
                    hint="Is the network or the server overloaded? A mirror may be faster.",
                    retryable=True,
                )
    if max(len(content), length or 0) > most:
        raise SourceError(
            f"{url} has more than {most:,} bytes, too many for this kind of file.",
            hint="Does a mirror or proxy send an error page instead? The file was not used.",
        )
    if length is not None and len(content) < length:
        raise web.Broken(f"it ended after {len(content)} of {length} bytes")
    return bytes(content)


def look_at(url: str) -> None:
    """Check that a server has this file, without fetching it. Raises SourceError; NotPublished when it does not."""
    _trying(url, lambda: web.look(url), Nobody(), attempts=2, waited=web.LOOK_TIMEOUT)


def fetch_once(url: str, path: Path, *, sha256: str, size: int = 0, asker: Asker | None = None) -> Path:
    """`fetch_to`, with a lock against another download of the same file. Raises SourceError."""
    with locked(path, asker):
        return fetch_to(url, path, sha256=sha256, size=size, asker=asker)


def fetch_to(url: str, path: Path, *, sha256: str, size: int = 0, title: str = "", asker: Asker | None = None) -> Path:
    """Fetch a file unless it exists with that digest; not much more than `size` bytes, where the size is known.

    A file gets its name only once it is complete and its digest is right. After a broken connection the next call
    resumes the transfer. Raises SourceError; NotPublished when the server has no such file.
    """
    part = path.with_name(f".{path.name}.part")
    most = size + SLACK if size else LARGEST_UNANNOUNCED
    download = _Download(url, part, title or path.name, asker or Nobody(), most)
    with disk_errors(path):
        if path.exists() and sha256_of(path) == sha256:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        resumed = part.exists()
        found = download.whole()
        if resumed and found != sha256:
            # The partial file may have been the beginning of another one: download it again from its start.
            part.unlink()
            found = download.whole()
        if found != sha256:
            part.unlink()
            raise SourceError(
                f"{url} has SHA-256 {found}, expected {sha256}.",
                hint="The download is damaged, or a mirror has another file. The file was not used.",
                retryable=True,
            )
        part.replace(path)
    return path


@contextmanager
def locked(path: Path, asker: Asker | None = None) -> Iterator[None]:
    """Hold the lock beside a path, against threads and processes; a dead process releases it. Raises SourceError."""
    asker = asker or Nobody()
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.with_name(f".{path.name}.lock").open("wb")
    with handle:
        noted = False
        while not _try_lock(handle.fileno()):
            if not noted:
                asker.note(f"waiting for another download of {path.name}")
                noted = True
            _go_on(asker, path.name)
            asker.pause(LOOK_EVERY)
        yield


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns an error of the disk into a SourceError that names this path."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint="Is there space on the disk with SLIPWAY_DATA_DIR, and does Slipway have write permission?",
        ) from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Download:
    """A file that is being downloaded."""

    url: str
    part: Path
    title: str
    asker: Asker
    most: int

    def whole(self) -> str:
        """Download it, with several connections if necessary; returns its digest."""
        began = time.monotonic()
        _trying(self.url, self._go, self.asker)
        self.asker.note(f"downloaded {self.title}, {_mb(self.part.stat().st_size)} in {time.monotonic() - began:.0f} s")
        return sha256_of(self.part)

    def _go(self) -> None:
        """Download over one connection. Raises Broken when it ended early, and what urllib raises."""
        have = self.part.stat().st_size if self.part.exists() else 0
        if have > self.most:
            self.part.unlink()
            have = 0
        try:
            answer = web.open_url(self.url, start=have)
        except HTTPError as error:
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                self.part.unlink(missing_ok=True)
            raise
        with answer:
            if answer.status != http.client.PARTIAL_CONTENT:
                have = 0
            elif not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                self.part.unlink()
                raise web.Broken("it sent a part that was not requested")
            length = web.length_of(answer)
            self._take(answer, have, None if length is None else have + length)

    def _take(self, answer: HTTPResponse, have: int, total: int | None) -> None:
        self._within(max(have, total or 0))
        self._has_room((total or have) - have)
        of = f" of {_mb(total)}" if total else ""
        self.asker.note(f"downloading {self.title} from {host_of(self.url)}: {_mb(have)}{of}")
        note_at, look_at_disk = time.monotonic() + NOTE_EVERY, have + LOOK_AT_DISK_EVERY
        with self.part.open("ab" if have else "wb") as out:
            while piece := web.read(answer, PIECE, at_once=True):
                have += len(piece)
                self._within(have)
                out.write(piece)
                if have >= look_at_disk:
                    self._has_room(0)
                    look_at_disk = have + LOOK_AT_DISK_EVERY
                _go_on(self.asker, self.title)
                if time.monotonic() >= note_at:
                    self.asker.note(f"downloading {self.title}: {_mb(have)}{of}")
                    note_at = time.monotonic() + NOTE_EVERY
        if total is not None and have < total:
            raise web.Broken(f"it ended after {_mb(have)}{of}")

    def _within(self, size: int) -> None:
        """Check that the file may have so many bytes. Raises SourceError."""
        if size <= self.most:
            return
        self.part.unlink(missing_ok=True)
        raise SourceError(
            f"{self.url} has more than {self.most:,} bytes, the limit for {self.title}.",
            hint="The server sends a file other than the announced one. The file was neither used nor stored.",
        )

    def _has_room(self, further: int) -> None:
        """Check that the disk has space for so much more and for the database. Raises SourceError."""
        free = shutil.disk_usage(self.part.parent).free
        if free - further < RESERVE:
            raise SourceError(
                f"{self.title} was not downloaded: the disk of {self.part.parent} has {_mb(free)} free, of which"
                f" {_mb(RESERVE)} are reserved for the database.",
                hint="Free some space on the disk with SLIPWAY_DATA_DIR. The download then resumes.",
                retryable=True,
            )


def _go_on(asker: Asker, title: str) -> None:
    """Stop when the download is no longer needed. Raises what the asker raises, and SourceError on its timeout."""
    asker.pause(0)
    if asker.seconds_left() <= 0:
        raise SourceError(
            f"{title} was not downloaded within this step's timeout.",
            hint="Another attempt resumes the download. A mirror may be faster.",
            retryable=True,
        )


def _trying(
    url: str, act: Callable[[], T], asker: Asker, attempts: int | None = None, waited: float | None = None
) -> T:
    """Do it, again after errors that may be temporary. Raises SourceError."""
    attempt, attempts = 1, attempts or ATTEMPTS
    while True:
        try:
            return act()
        except (URLError, http.client.HTTPException, TimeoutError, web.Broken) as error:
            problem, passing = web.problem_of(error, url, waited)
            if isinstance(error, HTTPError):
                error.close()
            if not passing or attempt == attempts:
                raise problem from error
        asker.note(f"{problem.message} Trying again, {attempt + 1} of {attempts}.")
        asker.pause(REST * 2 ** (attempt - 1))
        attempt += 1


def _mb(size: int) -> str:
    """A size for users; a small one with a decimal."""
    return f"{size / 1e6:.0f} MB" if size >= 1e7 or not size else f"{size / 1e6:.1f} MB"
