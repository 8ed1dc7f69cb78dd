"""The output of a command: cut into lines as it arrives, and limited in size."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from clusters.plaintext import before_code

if TYPE_CHECKING:
    from collections.abc import Callable

# A Result keeps this many bytes from the start of each stream and as many from its end.
KEPT_BYTES = 1024 * 1024
# A longer line is passed on in pieces.
LONGEST_LINE = 64 * 1024
# Bytes of one stream of one command that are passed on as lines for the log; the rest is only counted.
LOGGED_BYTES = 32 * 1024 * 1024
# Bytes of what a login shell prints before the command starts; the oldest bytes beyond that are dropped.
LARGEST_NOISE = 64 * 1024


# The word that ends a command is followed by its exit code and a line feed.
LONGEST_CODE = 64


class TooMuch(Exception):
    """A stream that is needed whole is longer than allowed."""


class Capture:
    """The first and the last `limit` bytes of a stream; a stream that is needed `whole` may not be longer than that."""

    def __init__(self, limit: int = KEPT_BYTES, *, whole: bool = False) -> None:
        self._limit = limit
        self._whole = whole
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def feed(self, data: bytes) -> None:
        """Add bytes of the stream. Raises TooMuch when it is needed whole and is too long for that."""
        room = self._limit - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if not data:
            return
        if self._whole:
            raise TooMuch
        self._tail += data
        # Cut only now and then: each cut copies the rest.
        if (surplus := len(self._tail) - self._limit) > self._limit:
            self._forget(surplus)

    def _forget(self, count: int) -> None:
        del self._tail[:count]
        self._dropped += count

    def content(self) -> bytes:
        """All stored bytes; where some are missing, a line shows how many."""
        if self._dropped and (surplus := len(self._tail) - self._limit) > 0:
            self._forget(surplus)
        gap = f"\n… {self._dropped} bytes left out …\n".encode() if self._dropped else b""
        return bytes(self._head + gap + self._tail)

    def text(self) -> str:
        """The content as text; what is not UTF-8 becomes U+FFFD."""
        return self.content().decode("utf-8", "replace")


class Lines:
    """Cuts bytes into lines of text for the callback `on_line`.

    Where carriage returns overwrite a line, as progress bars do, only its final text is passed on. NULs are dropped.
    After `most` bytes the rest is only counted, and a final line gives the count.
    """

    def __init__(self, on_line: Callable[[str], None], most: int = LOGGED_BYTES) -> None:
        self._on_line = on_line
        self._left = most
        self._omitted = 0
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Add bytes of the stream and pass on every complete line."""
        pieces = (self._rest + data).split(b"\n")
        self._rest = pieces.pop()
        if not self._pass_on_block(pieces):
            for piece in pieces:
                self._line(piece)
        if len(self._rest) > LONGEST_LINE:
            self._rest = _last_state(self._rest)
        while len(self._rest) > LONGEST_LINE:
            cut = _border(self._rest)
            self._line(self._rest[:cut])
            self._rest = self._rest[cut:]

    def finish(self) -> None:
        """Pass on the last line, which has no line end, and the count of omitted bytes."""
        if self._rest:
            self._line(self._rest)
        self._rest = b""
        if self._omitted:
            self._on_line(f"… {self._omitted} bytes of this command's output are left out of the log …")
            self._omitted = 0

    def _pass_on_block(self, lines: list[bytes]) -> bool:
        """Decode ordinary lines in one go, as most are: half of the work. False where each needs a closer look."""
        block = b"\n".join(lines)
        size = len(block) + 1
        if not lines or size > self._left or b"\r" in block or b"\x00" in block or max(map(len, lines)) > LONGEST_LINE:
            return False
        self._left -= size
        for line in block.decode("utf-8", "replace").split("\n"):
            self._on_line(line)
        return True

    def _line(self, line: bytes) -> None:
        line = _last_state(line)
        while len(line) > LONGEST_LINE:
            cut = _border(line)
            self._pass_on(line[:cut])
            line = line[cut:]
        self._pass_on(line)

    def _pass_on(self, line: bytes) -> None:
        size = len(line) + 1
        if size > self._left:
            if not self._omitted:
                self._on_line("… the command prints more than the log stores; the rest is only counted …")
            # Shorter lines that would still fit are left out too: the log must not have gaps.
            self._left = 0
            self._omitted += size
            return
        self._left -= size
        self._on_line(line.decode("utf-8", "replace").replace("\x00", ""))


def _last_state(line: bytes) -> bytes:
    line = line.rstrip(b"\r")
    return line[line.rfind(b"\r") + 1 :]


def _border(line: bytes) -> int:
    """Where to cut a long line without cutting a UTF-8 character (at most 4 bytes long) or a terminal code."""
    cut = LONGEST_LINE
    while cut > LONGEST_LINE - 4 and line[cut] & 0xC0 == 0x80:
        cut -= 1
    return before_code(line, cut)


class Tap:
    """One stream of a running command.

    Everything before the mark is noise of the login shell. The mark is followed by a word (the
    process group) and a line feed; the rest is the command's output.
    """

    def __init__(self, mark: bytes, capture: Capture, lines: Lines | None = None) -> None:
        self._mark = mark
        self._capture = capture
        self._lines = lines
        self._noise = b""
        self.started = threading.Event()
        self.word = ""

    @property
    def noise(self) -> str:
        """The output before the command, as text."""
        return self._noise.decode("utf-8", "replace")

    def feed(self, data: bytes) -> None:
        """Add bytes of the stream."""
        if not self.started.is_set():
            data = self._skip_noise(data)
        if data:
            self._capture.feed(data)
            if self._lines:
                self._lines.feed(data)

    def finish(self) -> None:
        """The stream has ended."""
        if self._lines:
            self._lines.finish()

    def content(self) -> bytes:
        """What the command printed; if it never started, what came instead."""
        return self._capture.content() if self.started.is_set() else self._noise

    def text(self) -> str:
        """The content as text."""
        return self.content().decode("utf-8", "replace")

    def _skip_noise(self, data: bytes) -> bytes:
        self._noise += data
        before, mark, after = self._noise.partition(self._mark)
        word, end, rest = after.partition(b"\n")
        if not mark or not end:
            self._noise = self._noise[-LARGEST_NOISE:]
            return b""
        self._noise = before
        self.word = word.decode("ascii", "replace").strip()
        self.started.set()
        return rest


class Framed:
    """A stream that many commands share, for one of them: its tap gets everything before the word that ends it.

    The word is followed by a space, the exit code and a line feed.
    """

    def __init__(self, tap: Tap, end: bytes) -> None:
        self.tap = tap
        self.over = False
        self.code = -1
        self._end = end
        self._held = b""
        self._ended = False

    def feed(self, data: bytes) -> None:
        """Add bytes of the stream; those after the end are dropped."""
        data = self._held + data
        if not self._ended:
            before, found, after = data.partition(self._end)
            if not found:
                # Only a part of the word may have arrived.
                held = next((n for n in range(len(self._end) - 1, 0, -1) if data.endswith(self._end[:n])), 0)
                self._held = data[len(data) - held :]
                self.tap.feed(data[: len(data) - held])
                return
            self.tap.feed(before)
            self._ended, data = True, after
        word, line_feed, _ = data[:LONGEST_CODE].partition(b"\n")
        self._held = data[:LONGEST_CODE]
        if line_feed and not self.over:
            self.tap.finish()
            self.over = True
            self.code = int(word) if word.strip().isdigit() else -1
