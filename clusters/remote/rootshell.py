"""RootShell: a root shell that stays, so that sudo asks PAM for the password once and not for every command."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING

from clusters.remote.envelope import Marks, wrap
from clusters.remote.output import Capture, Tap
from clusters.remote.runner import LINGER, LOOK_EVERY, Errand, run_errand
from clusters.remote.shell import Command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fabric import Connection

    from clusters.remote.perform import Way

# For each line with a size and a mark that many bytes follow: a command, run in a session of its own. Then the mark
# is said on both streams, with the exit code, and with `left` when some of its processes still run.
_LOOP = """while read -r size mark; do
  text=$(head -c "$size"; echo .)
  setsid /bin/sh -c "${text%.}" &
  wait $!; code=$?
  kill -0 -$! 2>/dev/null && code="$code left"
  printf '%s %s\\n' "$mark" "$code"; printf '%s\\n' "$mark" >&2
done"""
_RARE = "\x1e"


class _Stream(Capture):
    """One stream of the shell: goes to the command that runs, until the mark that ends it."""

    _tap: Tap | None = None

    def expect(self, mark: str, tap: Tap) -> None:
        """From now on it is this command's."""
        self.ended, self.word = threading.Event(), ""
        self._mark, self._rest, self._tap = mark.encode(), b"", tap

    def finish(self) -> None:
        """The command has all of its output; what still comes is nobody's."""
        tap, self._tap = self._tap, None
        if tap is not None:
            tap.finish()

    def feed(self, data: bytes) -> None:
        """Take what arrived; a mark, or what may be the beginning of one, is kept back until its line is whole."""
        if self._tap is None:
            super().feed(data)
            return
        data = self._rest + data
        found = data.find(self._mark)
        at = found if found >= 0 else data.rfind(_RARE.encode(), -len(self._mark))
        at = len(data) if at < 0 or self.ended.is_set() else at
        self._tap.feed(data[:at])
        line, end, late = data[at:].partition(b"\n")
        self._rest = data[at:]
        if found >= 0 and end and not self.ended.is_set():
            self.word, self._rest = line[len(self._mark) :].decode("ascii", "replace").strip(), b""
            self.ended.set()
            self._tap.feed(late)


class RootShell:
    """Root on a connection for commands without input, one after the other. `over` is set when it takes none any more.

    `began` is set once sudo has given us the shell, `marks` are the words by which it is started.
    """

    def __init__(self, connection: Connection, way: Way) -> None:
        self.marks = Marks(start=f"slipway-{secrets.token_hex(8)}", guard=secrets.token_hex(16))
        self.over = threading.Event()
        self._commands: SimpleQueue[bytes] = SimpleQueue()
        self._out, self._err = _Stream(), _Stream()
        line = wrap(Command(_LOOP), self.marks, become=way.become, with_input=True, octal=way.octal)
        out, err = (Tap(self.marks.start.encode(), stream) for stream in (self._out, self._err))
        self._errand = Errand(line, out, err, lambda: None, lambda group: None, way.opening, self._input())
        self.began = out.started
        self._end: int | Exception = -1
        threading.Thread(target=self._stay, args=(connection,), name="ssh-root", daemon=True).start()

    def run(self, errand: Errand) -> int:
        """Run a command (its `line` is the bare text) and give its exit code, or that of sudo when it gave no shell.

        -1 and exceptions are as of `run_errand`, also for what went wrong with the shell itself.
        """
        text, mark = errand.line.encode("utf-8", "surrogateescape"), _RARE + secrets.token_hex(16)
        self._out.expect(mark, errand.out)
        self._err.expect(mark, errand.err)
        # Not sent before there is a shell: what is cancelled while sudo thinks must not run when it has thought.
        if self._until(self.began, errand):
            self._commands.put(f"{len(text)} {mark}\n".encode() + text)
            self._until(self._out.ended, errand)
        if isinstance(self._end, Exception):
            errand.end(errand.out.word)
            raise self._end
        if not self._out.ended.is_set():
            errand.err.feed(self._errand.err.content())
            return self._end
        self._err.ended.wait(LINGER)
        code, _, left = self._out.word.partition(" ")
        if left:  # something in the background may still print: not into what a later command prints
            self.close()
            time.sleep(LINGER)
        self._out.finish()
        self._err.finish()
        return int(code)

    def _until(self, event: threading.Event, errand: Errand) -> bool:
        """Wait for it, for the end of the shell, or for the wish to stop, which is obeyed."""
        while not event.wait(LOOK_EVERY) and not self.over.is_set():
            if stopped := errand.stop():
                errand.end(errand.out.word)
                self.close()
                raise stopped
        return event.is_set()

    def close(self) -> None:
        """End it once it has nothing to do."""
        self.over.set()
        self._commands.put(b"")

    def _input(self) -> Iterator[bytes]:
        yield self.marks.guard.encode() + b"\n"
        yield from iter(self._commands.get, b"")

    def _stay(self, connection: Connection) -> None:
        try:
            self._end = run_errand(connection, self._errand)
        except Exception as error:  # noqa: BLE001 - the border of a thread; who waits for it gets it
            self._end = error
        self.over.set()


class RootShells:
    """The root shell of one connection, for whoever comes when it is free; made when first needed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._shell: RootShell | None = None
        self._free = threading.Lock()

    @contextmanager
    def one(self, way: Way, *, wanted: bool) -> Iterator[RootShell | None]:
        """The shell, where it saves a password and is free."""
        if not (wanted and way.proven and self._free.acquire(blocking=False)):
            yield None
            return
        try:
            if self._shell is None or self._shell.over.is_set():
                self._shell = RootShell(self._connection, way)
            yield self._shell
        finally:
            self._free.release()

    def make_room(self) -> None:
        """Give its session up if nobody uses it: the machine has none to spare."""
        if self._shell is not None and self._free.acquire(blocking=False):
            self._shell.close()
            self._free.release()
