"""Fetching files from a web server: whole, checked, only once, and going on where a connection broke."""

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
"""How often a transfer is begun or gone on with before it counts as failed."""

REST = 1.0
"""Seconds before the second attempt, doubled before each further one."""

TELL_EVERY = 5.0
"""Seconds between two lines on how far a download is."""

LOOK_EVERY = 0.5
"""Seconds between two looks whether another download of the same file is over."""

PIECE = 1 << 18
MOST_TEXT = 1 << 22
"""Bytes of a checksum file; the longest there are, of whole releases, have a few hundred lines."""

TEXT_TIMEOUT = 60.0
"""Seconds for the whole of a small text, however slowly its server sends."""

LARGEST_UNANNOUNCED = 2 << 30
"""Bytes of a file whose size nobody announced; the largest that upstream publishes have a tenth of that."""

SLACK = 64 << 10
"""Bytes that a file may have beyond what was announced, before it counts as another one."""

RESERVE = 256 << 20
"""Bytes of the disk that a download leaves free: Slipway's database is on the same one."""

LOOK_AT_DISK_EVERY = 16 << 20
"""Bytes between two looks at how much room the disk has."""

LONGEST = 6 * 3600.0
"""Seconds for a file that nobody waits for in a step with a time of its own."""


class Nobody:
    """Asks for a file without wanting to hear of it, and gives up only when it takes half a working day."""

    def __init__(self) -> None:
        self._until = time.monotonic() + LONGEST

    def note(self, text: str) -> None:
        """Nothing is told."""

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def seconds_left(self) -> float:
        """Until it is given up."""
        return self._until - time.monotonic()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a local file."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def fetch_text(url: str, asker: Asker | None = None, *, attempts: int | None = None) -> str:
    """A small text, such as a checksum file. Raises SourceError; NotPublished when the server has none."""
    return fetch_bytes(url, asker, attempts=attempts).decode("utf-8", "replace")


def fetch_bytes(url: str, asker: Asker | None = None, *, attempts: int | None = None, most: int = MOST_TEXT) -> bytes:
    """A small file as it is. Raises SourceError, also when it is not small; NotPublished when the server has none."""
    return _trying(url, lambda: _small(url, most), asker or Nobody(), attempts)


def _small(url: str, most: int) -> bytes:
    until = time.monotonic() + TEXT_TIMEOUT
    content = bytearray()
    with web.opened(url) as answer:
        length = web.length_of(answer)
        while len(content) <= most and (length or 0) <= most and (piece := web.read(answer, PIECE, at_once=True)):
            content += piece
            if time.monotonic() > until:
                raise SourceError(
                    f"{url} did not arrive within {TEXT_TIMEOUT:g} s, though it is small.",
                    hint="Is the network, or the server, overloaded? A mirror may be nearer.",
                    retryable=True,
                )
    if max(len(content), length or 0) > most:
        raise SourceError(
            f"{url} has more than {most:,} bytes, too many for what it should be.",
            hint="Does a mirror or proxy answer with a page of its own? Nothing of it was used.",
        )
    if length is not None and len(content) < length:
        raise web.Broken(f"it ended after {len(content)} of {length} bytes")
    return bytes(content)


def look_at(url: str) -> None:
    """Ask whether a server has this, without fetching it. Raises SourceError; NotPublished when it has not."""
    _trying(url, lambda: web.look(url), Nobody(), attempts=2, waited=web.LOOK_TIMEOUT)


def fetch_once(url: str, path: Path, *, sha256: str, size: int = 0, asker: Asker | None = None) -> Path:
    """`fetch_to`, while nobody else fetches the same file. Raises SourceError."""
    with alone(path, asker):
        return fetch_to(url, path, sha256=sha256, size=size, asker=asker)


def fetch_to(url: str, path: Path, *, sha256: str, size: int = 0, title: str = "", asker: Asker | None = None) -> Path:
    """Fetch a file unless it is there with that digest; no more than `size` bytes and a little, when that is known.

    A file gets its name only once it is whole and its digest is right. What came before a connection broke is kept, and
    the next call goes on from there. Raises SourceError; NotPublished when the server has no such file.
    """
    part = path.with_name(f".{path.name}.part")
    most = size + SLACK if size else LARGEST_UNANNOUNCED
    download = _Download(url, part, title or path.name, asker or Nobody(), most)
    with written(path):
        if path.exists() and sha256_of(path) == sha256:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        resumed = part.exists()
        found = download.whole()
        if resumed and found != sha256:
            # What lay here may have been the beginning of another file: once more, from its start.
            part.unlink()
            found = download.whole()
        if found != sha256:
            part.unlink()
            raise SourceError(
                f"{url} has SHA-256 {found}, expected {sha256}.",
                hint="The download is damaged, or a mirror holds another file. Nothing of it was used.",
                retryable=True,
            )
        part.replace(path)
    return path


@contextmanager
def alone(path: Path, asker: Asker | None = None) -> Iterator[None]:
    """Hold the lock beside a path, among threads and processes; one that dies gives it up. Raises SourceError."""
    asker = asker or Nobody()
    with written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.with_name(f".{path.name}.lock").open("wb")
    with handle:
        told = False
        while not _locked(handle.fileno()):
            if not told:
                asker.note(f"waiting for another download of {path.name}")
                told = True
            _go_on(asker, path.name)
            asker.pause(LOOK_EVERY)
        yield


@contextmanager
def written(path: Path) -> Iterator[None]:
    """What goes wrong on the disk in here is told of this path. Raises SourceError."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"{path} cannot be kept: {error.strerror or error}.",
            hint="Is there room on the disk that holds SLIPWAY_DATA_DIR, and may Slipway write there?",
        ) from error


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Download:
    """A file on its way."""

    url: str
    part: Path
    title: str
    asker: Asker
    most: int

    def whole(self) -> str:
        """Bring it here, however many connections that takes; returns its digest."""
        began = time.monotonic()
        _trying(self.url, self._go, self.asker)
        self.asker.note(f"downloaded {self.title}, {_mb(self.part.stat().st_size)} in {time.monotonic() - began:.0f} s")
        return sha256_of(self.part)

    def _go(self) -> None:
        """One connection's worth. Raises Broken when it ended early, and what urllib raises."""
        have = self.part.stat().st_size if self.part.exists() else 0
        if have > self.most:
            self.part.unlink()
            have = 0
        try:
            answer = web.opened(self.url, start=have)
        except HTTPError as error:
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                self.part.unlink(missing_ok=True)
            raise
        with answer:
            if answer.status != http.client.PARTIAL_CONTENT:
                have = 0
            elif not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                self.part.unlink()
                raise web.Broken("it sent another part than was asked for")
            length = web.length_of(answer)
            self._take(answer, have, None if length is None else have + length)

    def _take(self, answer: HTTPResponse, have: int, total: int | None) -> None:
        self._within(max(have, total or 0))
        self._has_room((total or have) - have)
        of = f" of {_mb(total)}" if total else ""
        self.asker.note(f"downloading {self.title} from {host_of(self.url)}: {_mb(have)}{of}")
        tell_at, look_at_disk = time.monotonic() + TELL_EVERY, have + LOOK_AT_DISK_EVERY
        with self.part.open("ab" if have else "wb") as out:
            while piece := web.read(answer, PIECE, at_once=True):
                have += len(piece)
                self._within(have)
                out.write(piece)
                if have >= look_at_disk:
                    self._has_room(0)
                    look_at_disk = have + LOOK_AT_DISK_EVERY
                _go_on(self.asker, self.title)
                if time.monotonic() >= tell_at:
                    self.asker.note(f"downloading {self.title}: {_mb(have)}{of}")
                    tell_at = time.monotonic() + TELL_EVERY
        if total is not None and have < total:
            raise web.Broken(f"it ended after {_mb(have)}{of}")

    def _within(self, size: int) -> None:
        """Whether the file may have so many bytes. Raises SourceError."""
        if size <= self.most:
            return
        self.part.unlink(missing_ok=True)
        raise SourceError(
            f"{self.url} has more than {self.most:,} bytes, the most that {self.title} may have.",
            hint="The server sends another file than the one that was announced. Nothing of it was used or kept.",
        )

    def _has_room(self, further: int) -> None:
        """Whether the disk can take so much more, and keep what the database needs. Raises SourceError."""
        free = shutil.disk_usage(self.part.parent).free
        if free - further < RESERVE:
            raise SourceError(
                f"{self.title} was not downloaded: the disk of {self.part.parent} has {_mb(free)} free, and of that"
                f" {_mb(RESERVE)} are kept for the database.",
                hint="Make room on the disk that holds SLIPWAY_DATA_DIR. What has come goes on from there.",
                retryable=True,
            )


def _go_on(asker: Asker, title: str) -> None:
    """Stop when nobody waits any more. Raises what the asker raises, and SourceError when its time is over."""
    asker.pause(0)
    if asker.seconds_left() <= 0:
        raise SourceError(
            f"{title} was not downloaded in the time this step has.",
            hint="What has come is kept, and trying again goes on from there. A mirror may be nearer.",
            retryable=True,
        )


def _trying(
    url: str, act: Callable[[], T], asker: Asker, attempts: int | None = None, waited: float | None = None
) -> T:
    """Do it, again after what passes by itself. Raises SourceError."""
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
    """For a person; what is little with a decimal."""
    return f"{size / 1e6:.0f} MB" if size >= 1e7 or not size else f"{size / 1e6:.1f} MB"
