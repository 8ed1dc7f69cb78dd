"""Machine: one machine as a step sees it: ask without logging, do with logging, put files, know its facts."""

from __future__ import annotations

import dataclasses
import threading
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.engine.check import PRECHECK
from clusters.engine.deadline import deadline_in, nothing_granted
from clusters.engine.events import Observed, Output, SecretMade, Uncut
from clusters.engine.sendings import Sendings
from clusters.errors import Cancelled, InstallerError, RemoteError
from clusters.remote.errors import FileMissing
from clusters.remote.facts import MachineFacts, read_facts
from clusters.remote.host import LARGEST_READ, READ_WITHIN, Cancel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from clusters.config.schema import Host as HostSpec
    from clusters.config.secret import Secret
    from clusters.engine.deadline import Deadline, Granted
    from clusters.engine.events import Event, Sink
    from clusters.remote.host import Host, Result
    from clusters.remote.shell import Command

LAST_LOOK = 10.0
"""Seconds that an observation may take although the step's time is up: the step must report what it found."""


LOGGED_WAIT_SECONDS = 1.0
"""A wait for a turn that is longer than this is logged."""


class OnlyLooking(InstallerError):
    """An observation or a step's body was about to change a machine in a dry run or precheck: a bug in Slipway."""


class FactsOnce:
    """The facts of one machine, read at most once per run, by the first caller."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._facts: MachineFacts | None = None

    def get(self, read: Callable[[], MachineFacts]) -> MachineFacts:
        """The facts, read now if they were not read before."""
        with self._lock:
            if self._facts is None:
                self._facts = read()
            return self._facts


class Machine:
    """A machine during one step. `granted` returns how much longer than its timeout a step may take."""

    def __init__(
        self,
        spec: HostSpec,
        host: Host,
        *,
        sink: Sink,
        cancel: Cancel,
        facts: FactsOnce,
        roles: tuple[str, ...] = (),
        step: str = "",
        deadline: Deadline | None = None,
        granted: Granted = nothing_granted,
        urgency: float = 0.0,
        sendings: Sendings | None = None,
        dry_run: bool = False,
        to_write: set[str] | None = None,
    ) -> None:
        self.spec = spec
        self.host = host
        self.roles = roles
        self.step = step
        self._sink = sink
        self.cancel = cancel
        self._facts = facts
        self._deadline = deadline
        self._granted = granted
        self._urgency = urgency
        self._sendings = sendings or Sendings()
        self._dry_run = dry_run
        self._to_write: set[str] = set() if to_write is None else to_write

    @property
    def name(self) -> str:
        """The machine's name in the document, which is also its node name."""
        return self.spec.name

    @property
    def address(self) -> str:
        """The address that other nodes use; the IPv4 one of a dual-stack machine."""
        return self.spec.first_address

    @property
    def addresses(self) -> tuple[str, ...]:
        """All its addresses: `address`, and an IPv6 one if the machine is dual-stack."""
        return self.spec.node_addresses

    @property
    def facts(self) -> MachineFacts:
        """What the machine is; read once per run."""
        return self._facts.get(self._read_facts)

    def during(
        self, step: str, *, timeout: float, cancel: Cancel, urgency: float = 0.0, dry_run: bool = False
    ) -> Machine:
        """This machine as `step` sees it, with `timeout` in seconds; `urgency`: see Sendings.

        In a dry run, and in a precheck, it can be asked but not changed.
        """
        deadline = deadline_in(timeout, lambda: self._granted(step, self.name))
        return self._view(step, cancel, deadline, urgency, dry_run=dry_run)

    def on_behalf_of(self, other: Machine) -> Machine:
        """This machine as the step on another one sees it: output, cancel and deadline are the other one's."""
        return self._view(other.step, other.cancel, other._deadline, dry_run=other._dry_run)

    @contextmanager
    def uncut(self, what: str) -> Iterator[Machine]:
        """This machine for a part of a step that a cancel does not interrupt; log and page show `what` meanwhile."""
        self._stop_if_cancelled()
        part = (self.name, self.step, what)
        self.cancel.outliving.add(part)
        self.emit(Uncut(host=self.name, step=self.step, what=what))
        try:
            yield self._view(self.step, Cancel(), self._deadline, self._urgency, dry_run=self._dry_run)
        finally:
            self.cancel.outliving.discard(part)
            self.emit(Uncut(host=self.name, step=self.step, what=what, over=True))

    def _view(
        self, step: str, cancel: Cancel, deadline: Deadline | None, urgency: float = 0.0, *, dry_run: bool
    ) -> Machine:
        return Machine(
            self.spec,
            self.host,
            sink=self._sink,
            cancel=cancel,
            facts=self._facts,
            roles=self.roles,
            step=step,
            deadline=deadline,
            granted=self._granted,
            urgency=urgency,
            sendings=self._sendings,
            dry_run=dry_run,
            to_write=self._to_write,
        )

    def ask(self, command: Command, *, timeout: float = 60.0) -> Result:
        """Run a command that changes nothing; it is not logged, and a non-zero exit is a valid answer.

        A dry run asks, too: commands that change the machine belong in `do`, `put` and `clear_up`.
        """
        self._stop_if_cancelled()
        limit, more = self._limit_of_observation(timeout)
        with self._named():
            return self.host.run(command, check=False, timeout=limit, more=more, cancel=self.cancel)

    def do(
        self,
        command: Command,
        *,
        stdin: bytes | Path | None = None,
        timeout: float | None = None,
        check: bool = True,
        shared: bool = False,
        hidden: bool = False,
    ) -> Result:
        """Run a command that changes the machine: the command and its output go to the log.

        A Path as `stdin` is a local file, whose content the command reads. `shared`: see Host.run. `hidden`: the output
        is a secret, and only the command goes to the log.
        """
        self._stop_if_dry_run(command.text)
        self._stop_if_cancelled()
        self._stop_if_out_of_time()
        with self._turn(stdin), self._named():
            self.note("$ " + command.text)
            return self.host.run(
                command,
                check=check,
                stdin=stdin,
                timeout=self._within(timeout),
                more=self._more,
                on_line=None if hidden else self._log,
                cancel=self.cancel,
                shared=shared,
            )

    def clear_up(self, command: Command) -> None:
        """Remove the step's temporary files; logged, and never an error.

        It also runs after a cancel and a little after the step's time is up: it ends a step in every case.
        """
        self._stop_if_dry_run(command.text)
        self.note("$ " + command.text)
        try:
            done = self.host.run(command, check=False, timeout=LAST_LOOK, on_line=self._log, shared=True)
            failed = "" if done.ok else f"exit code {done.exit_code}"
        except InstallerError as error:
            failed = error.message
        if failed:
            self.note(f"cleaning up on {self.name} failed: {failed}")

    def _log(self, stream: str, line: str) -> None:
        self._sink.emit(Output(host=self.name, step=self.step, stream=stream.removeprefix("std"), text=line))

    def put(self, content: bytes | Path, path: str, *, mode: int = 0o644, owner: str = "root:root") -> None:
        """Write a file as root, atomically."""
        self._stop_if_dry_run(f"writing {path}")
        self._stop_if_cancelled()
        with self._turn(content), self._named():
            limit = self._within(None)
            self.host.put(content, path, mode=mode, owner=owner, timeout=limit, more=self._more, cancel=self.cancel)

    def read(self, path: str, *, most: int = LARGEST_READ) -> bytes | None:
        """The content of a file, or None if it does not exist. Raises FileTooLarge for more than `most` bytes."""
        self._stop_if_cancelled()
        limit, more = self._limit_of_observation(READ_WITHIN)
        try:
            with self._named():
                return self.host.get(path, most=most, timeout=limit, more=more, cancel=self.cancel)
        except FileMissing:
            return None

    def text_of(self, path: str) -> str:
        """A small file as text, empty if it does not exist. Bytes that are not UTF-8 become U+FFFD."""
        return (self.read(path) or b"").decode("utf-8", "replace")

    @property
    def only_looks(self) -> bool:
        """Whether this is a dry run or precheck: then earlier steps of the run have changed nothing."""
        return self._dry_run

    def will_write(self, paths: Iterable[str]) -> None:
        """Note in a dry run that the run would write these files on this machine."""
        self._to_write.update(paths)

    def written_by_the_run(self, paths: Iterable[str]) -> str:
        """In a dry run, the first of these files that an earlier step would write; else empty. Its readers restart."""
        return next((path for path in paths if path in self._to_write), "")

    def note(self, text: str) -> None:
        """Write a line to the log, under this machine and step."""
        self._sink.emit(Output(host=self.name, step=self.step, stream="note", text=text))

    def emit(self, event: Event) -> None:
        """Pass an event to the run's sink."""
        self._sink.emit(event)

    def keep_secret(self, secret: Secret) -> None:
        """Mask this text everywhere from now on."""
        self._sink.emit(SecretMade(host=self.name, step=self.step, content=secret))

    def pause(self, seconds: float) -> None:
        """Wait, but not past a cancel; raises OutOfTime when the step's time is up."""
        self._stop_if_cancelled()
        self._stop_if_out_of_time()
        if self.cancel.wait(min(seconds, self.seconds_left())):
            raise Cancelled(self.cancel.reason or "The run was cancelled.")

    def looks(self, within: float, *, every: float, longer: bool = False) -> Iterator[None]:
        """Yields each time an observation is due, until `within` seconds have passed; pauses in between.

        The first is due now, the last one at the end. `longer` adds the time granted to the step. A dry run yields
        once: the awaited state follows from a change that a dry run does not make. A precheck waits as usual.
        """
        began = time.monotonic()
        while True:
            yield
            left = within + (self.granted if longer else 0.0) - (time.monotonic() - began)
            if left <= 0 or (self._dry_run and not self.step.startswith(f"{PRECHECK}/")):
                return
            self.pause(min(every, left))

    def seconds_left(self) -> float:
        """How much of the step's time is left, including granted time."""
        return float("inf") if self._deadline is None else self._deadline.left

    def _turn(self, content: bytes | Path | None) -> AbstractContextManager[None]:
        """The turn in which a local file may be sent, after more urgent ones."""
        if not isinstance(content, Path):
            return nullcontext()
        noted: set[str] = set()

        def held_up(seconds: float, first: str) -> None:
            self._stop_if_cancelled()
            if seconds >= LOGGED_WAIT_SECONDS and not noted:
                noted.add(first)
                self.note(f"waiting: {first} gets its files first, because others wait for it")

        return self._sendings.turn(self.name, self._urgency, held_up)

    @property
    def granted(self) -> float:
        """The seconds granted to this step beyond its timeout, so far."""
        return 0.0 if self._deadline is None else self._deadline.granted()

    def _more(self) -> float:
        return self.granted

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Errors raised inside get this machine's name: a step may ask machines other than its own."""
        try:
            yield
        except RemoteError as error:
            error.machine = error.machine or self.name
            raise

    def _limit_of_observation(self, timeout: float) -> tuple[float, Callable[[], float]]:
        """The limit of a command that changes nothing, and what is added to it when it is reached.

        It gets a little time even when the step's time is up. Granted time moves the step's end, not this limit.
        """
        left = self._within(None)
        limit = max(min(timeout, left), min(timeout, LAST_LOOK))
        return limit, lambda: max(0.0, min(timeout, left + self.granted) - limit)

    def _within(self, timeout: float | None) -> float:
        """The limit of a command, without granted time, which is added when the limit is reached."""
        left = float("inf") if self._deadline is None else self._deadline.until - time.monotonic()
        return left if timeout is None else min(timeout, left)

    def _stop_if_out_of_time(self) -> None:
        if self._deadline is not None:
            self._deadline.check(self.step, self.name)

    def _stop_if_dry_run(self, what: str) -> None:
        """The engine never acts in a dry run; if an observation or a step's body does, this stops it."""
        if self._dry_run:
            raise OnlyLooking(
                f"{self.step} was about to change {self.name} where it may only observe: {what}",
                hint="Nothing was changed. This is a bug in Slipway; please report it.",
            )

    def _stop_if_cancelled(self) -> None:
        if self.cancel.is_requested:
            raise Cancelled(self.cancel.reason or "The run was cancelled.")

    def _read_facts(self) -> MachineFacts:
        with self._named():
            facts = read_facts(self.host)
        self._sink.emit(Observed(host=self.name, step=self.step, topic="facts", values=dataclasses.asdict(facts)))
        return facts
