"""FakeHost: a fake machine that answers by pattern, for tests and experiments."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.errors import Cancelled
from clusters.remote.errors import CommandTimedOut, ConnectionLost, FileMissing
from clusters.remote.host import LARGEST_READ, READ_WITHIN, CommandFailed, Result
from clusters.remote.session.files import too_large

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.remote.host import Cancel
    from clusters.remote.shell import Command


@dataclass(frozen=True, slots=True)
class Answer:
    """The output and the end of a fake command, after `seconds`; `error`, if given, is raised instead."""

    stdout: str = field(default="", repr=False)
    exit_code: int = 0
    stderr: str = field(default="", repr=False)
    seconds: float = 0.0
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that was run on a FakeHost."""

    command: str = field(repr=False)
    sudo: bool
    stdin: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class PutFile:
    """A file that was put on a FakeHost."""

    content: bytes = field(repr=False)
    mode: int
    owner: str


Reply = Answer | str | int | Exception | Callable[[Ran], Answer]
Pattern = str | re.Pattern[str]


class FakeHost:
    """A Host without a machine.

    The last matching one of `answers` counts, so that a test can override. A pattern is a part
    of the command's text or a compiled regular expression; an answer is an Answer, text for standard
    output, an exit code, an exception to raise, or a function of the command. A command without a match
    succeeds silently or, with `strict`, fails with code 127. `latency` is added to every call, in
    seconds; while `lost` is true every call raises ConnectionLost.
    """

    def __init__(
        self,
        name: str = "fake",
        answers: Iterable[tuple[Pattern, Reply]] = (),
        *,
        latency: float = 0.0,
        strict: bool = False,
    ) -> None:
        self.name = name
        self.latency = latency
        self.strict = strict
        self.ran: list[Ran] = []
        self.files: dict[str, PutFile] = {}
        self.closed = False
        self.lost = False
        self._answers = list(answers)
        self._lock = threading.Lock()

    def answer(self, pattern: Pattern, reply: Reply) -> None:
        """Give this answer to matching commands from now on."""
        with self._lock:
            self._answers.append((pattern, reply))

    @property
    def commands(self) -> list[str]:
        """The text of all commands, in order."""
        with self._lock:
            return [ran.command for ran in self.ran]

    def run(
        self,
        command: Command,
        *,
        sudo: bool = True,
        check: bool = True,
        stdin: bytes | Path | None = None,
        timeout: float | None = None,
        more: Callable[[], float] | None = None,
        on_line: Callable[[str, str], None] | None = None,
        cancel: Cancel | None = None,
        shared: bool = False,
    ) -> Result:
        """Answer by the patterns; see `Host.run`."""
        ran = Ran(command.text, sudo, stdin.read_bytes() if isinstance(stdin, Path) else stdin)
        self._reached()
        with self._lock:
            self.ran.append(ran)
        answer = self._answer_to(ran)
        if timeout is not None and more is not None:
            timeout += more()
        took = self._work(answer, timeout, cancel)
        result = Result(self.name, command.text, answer.exit_code, answer.stdout, answer.stderr, took)
        if on_line is not None:
            for stream, text in (("stdout", answer.stdout), ("stderr", answer.stderr)):
                for line in text.splitlines():
                    on_line(stream, line)
        if timeout is not None and answer.seconds > timeout:
            raise CommandTimedOut(f"A command on {self.name} did not end within {timeout:g} s.", result=result)
        if answer.error is not None:
            raise answer.error
        if check and not result.ok:
            last = " ".join(result.last_lines(1))
            raise CommandFailed(
                f"A command on {self.name} ended with exit code {result.exit_code}: {last}", result=result
            )
        return result

    def put(
        self,
        content: bytes | Path,
        path: str,
        *,
        mode: int = 0o644,
        owner: str = "root:root",
        timeout: float | None = None,
        more: Callable[[], float] | None = None,
        cancel: Cancel | None = None,
    ) -> None:
        """Store the file in memory."""
        self._reached()
        data = content.read_bytes() if isinstance(content, Path) else content
        with self._lock:
            self.files[path] = PutFile(data, mode, owner)

    def get(
        self,
        path: str,
        *,
        most: int = LARGEST_READ,
        timeout: float = READ_WITHIN,
        more: Callable[[], float] | None = None,
        cancel: Cancel | None = None,
    ) -> bytes:
        """Return a stored file, or raise FileMissing or FileTooLarge."""
        self._reached()
        with self._lock:
            if path not in self.files:
                raise FileMissing(f"{path} does not exist on {self.name}.")
            content = self.files[path].content
        if len(content) > most:
            raise too_large(self.name, path, most)
        return content

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def _reached(self) -> None:
        if self.latency:
            time.sleep(self.latency)
        if self.lost:
            raise ConnectionLost(f"The connection to {self.name} is lost.")

    def _answer_to(self, ran: Ran) -> Answer:
        with self._lock:
            known = list(reversed(self._answers))
        for pattern, reply in known:
            there = pattern in ran.command if isinstance(pattern, str) else pattern.search(ran.command) is not None
            if there:
                return _as_answer(reply, ran)
        return Answer(exit_code=127, stderr="not answered by this FakeHost") if self.strict else Answer()

    def _work(self, answer: Answer, timeout: float | None, cancel: Cancel | None) -> float:
        seconds = answer.seconds if timeout is None else min(answer.seconds, timeout)
        if cancel is None:
            time.sleep(seconds)
        elif cancel.is_requested or (seconds and cancel.wait(seconds)):
            raise Cancelled(f"Stopped on {self.name}: {cancel.reason or 'a stop was requested'}.")
        return seconds


def _as_answer(reply: Reply, ran: Ran) -> Answer:
    if isinstance(reply, Answer):
        return reply
    if isinstance(reply, str):
        return Answer(stdout=reply)
    if isinstance(reply, int):
        return Answer(exit_code=reply)
    if isinstance(reply, Exception):
        return Answer(error=reply)
    return reply(ran)


def digest_on(host: FakeHost) -> Callable[[Ran], Answer]:
    """An answer to checks of files by sha256sum, from the files that were put on the host."""

    def answer(ran: Ran) -> Answer:
        there = host.files.get(ran.command.split("sha256sum < ")[1].split()[0])
        if there is None:
            return Answer(exit_code=1)
        return Answer(f"{hashlib.sha256(there.content).hexdigest()}  -\n{there.mode:o} {there.owner}\n")

    return answer
