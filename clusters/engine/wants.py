"""The wanted states: each can observe whether a machine has it, and apply it. The engine observes, acts, observes."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from clusters.config.secret import Secret
from clusters.engine.differences import difference
from clusters.engine.journal import journal_of
from clusters.errors import InstallerError
from clusters.remote.errors import FileTooLarge
from clusters.remote.shell import all_of, sh, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from clusters.engine.machine import Machine
    from clusters.remote.host import Result
    from clusters.remote.shell import Command

MOST_COMPARED = 5_000
"""A longer file on a machine, in lines, is not compared line by line."""


@dataclass(frozen=True, slots=True)
class Sight:
    """An observation: `so` is whether the wanted state holds, else `found` describes what is there instead.

    `in_vain`: the question itself is not possible in this form, so that waiting changes nothing.
    """

    so: bool
    found: str = ""
    diff: str = field(default="", repr=False)
    in_vain: bool = False


class Want(Protocol):
    """A wanted state. `what` is a sentence without a full stop that is true once the state is reached."""

    @property
    def what(self) -> str:
        """The sentence."""
        ...

    def seen(self, machine: Machine) -> Sight:
        """Observe; change nothing."""
        ...

    def reach(self, machine: Machine) -> None:
        """Apply it; the engine observes again afterwards."""
        ...


class NotReached(InstallerError):
    """A wanted state was applied and still does not hold."""


class NoAnswer(NotReached):
    """The machine or API server that was asked did not answer, so the state is unknown."""

    retryable = True


@dataclass(frozen=True, slots=True)
class FileWant:
    """A file with this content, mode and owner."""

    path: str
    content: bytes = field(repr=False)
    mode: int = 0o644
    owner: str = "root:root"
    secret: bool = False

    @property
    def what(self) -> str:
        """The sentence."""
        return f"{self.path} has the required content and mode"

    @property
    def files(self) -> tuple[str, ...]:
        """See Wanted."""
        return (self.path,)

    def seen(self, machine: Machine) -> Sight:
        """Compare digest, mode and owner in one round trip."""
        answer = machine.ask(sh("sha256sum < {0} && stat -c '%a %U:%G' {0}", self.path))
        lines = answer.stdout.split("\n")
        if not answer.ok or len(lines) < 2:
            return Sight(False, f"there is no {self.path}", self._diff(b""))
        if lines[0].split()[0] != hashlib.sha256(self.content).hexdigest():
            return Sight(False, f"{self.path} has different content", self._diff(self._current(machine)))
        if lines[1] != f"{self.mode:o} {self.owner}":
            return Sight(False, f"{self.path} has mode and owner {lines[1]}; required: {self.mode:o} {self.owner}")
        return Sight(True)

    def _current(self, machine: Machine) -> bytes:
        """The current content, unless it is too large to show."""
        try:
            return machine.read(self.path) or b""
        except FileTooLarge as error:
            return f"({error.message})\n".encode()

    def reach(self, machine: Machine) -> None:
        """Write it."""
        machine.note(f"writing {self.path}")
        machine.put(self.content, self.path, mode=self.mode, owner=self.owner)

    def _diff(self, old: bytes) -> str:
        if self.secret or b"\0" in self.content or len(self.content) + len(old) > 200_000:
            return ""
        # Comparing takes time that grows with the square of the lines, and the machine controls the content.
        if old.count(b"\n") > MOST_COMPARED:
            return ""
        return difference(old.decode("utf-8", "replace"), self.content.decode("utf-8", "replace"))


def file(path: str, content: str | bytes | Secret, *, mode: int = 0o644, owner: str = "root:root") -> FileWant:
    """A file with this content. A Secret never appears in a diff, nor do secrets that the finder sees."""
    raw = content.reveal() if isinstance(content, Secret) else content
    data = raw.encode() if isinstance(raw, str) else raw
    return FileWant(path, data, mode, owner, secret=isinstance(content, Secret))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wanted state made of two functions; most other kinds use it.

    `files` are those that `act` writes: a dry run then knows which services a later step of the run restarts.
    """

    what: str
    look: Callable[[Machine], Sight]
    act: Callable[[Machine], None]
    files: tuple[str, ...] = ()

    def seen(self, machine: Machine) -> Sight:
        """Observe."""
        return self.look(machine)

    def reach(self, machine: Machine) -> None:
        """Act."""
        self.act(machine)


NOT_RUN = (126, 127)
"""Exit codes with which a shell reports that it could not run a program."""

NO_QUESTION = re.compile(
    r"host must be a URL or a host:port pair|error: unknown (?:command|(?:shorthand )?flag)\b", re.I
)
"""The messages of kubectl and similar programs, with exit code 1, for an invalid address or invalid arguments."""

LAST_LINES = 5
"""Last lines of an answer in which these messages are searched."""

IN_VAIN = 3
"""Observations in a row that must be in vain before Slipway stops waiting: a program that is just being replaced is
back by then."""


def sight_of(answer: Result, otherwise: str = "") -> Sight:
    """The observation from a command's answer: the state holds on success, else the last line is what was found.

    Without output it is `otherwise`, or the exit code when that is empty, too.
    """
    if answer.ok:
        return Sight(True)
    lines = answer.last_lines(LAST_LINES)
    invalid = next((line for line in lines if NO_QUESTION.search(line)), "")
    last = lines[-1] if lines else otherwise or f"exit code {answer.exit_code}"
    return Sight(False, invalid or last, in_vain=bool(invalid) or answer.exit_code in NOT_RUN)


def so_if(command: Command) -> Callable[[Machine], Sight]:
    """An observation that holds when the command succeeds; else its last line is what was found."""

    return lambda machine: sight_of(machine.ask(command))


def doing(*commands: Command) -> Callable[[Machine], None]:
    """An action that runs the commands one after another; none of them may leave anything running."""

    def act(machine: Machine) -> None:
        for command in commands:
            machine.do(command, shared=True)

    return act


def command(what: str, *commands: Command, unless: Command) -> Wanted:
    """Run commands unless a probe succeeds; the probe also verifies the result."""
    return Wanted(what, so_if(unless), doing(*commands))


def directory(path: str, *, mode: int = 0o755, owner: str = "root:root") -> Wanted:
    """A directory with this mode and owner."""
    user, _, group = owner.partition(":")
    return Wanted(
        f"{path} is a directory of mode {mode:o}",
        so_if(sh('test "$(stat -c "%F %a %U:%G" {})" = {}', path, f"directory {mode:o} {owner}")),
        doing(sh("install -d -m {} -o {} -g {} {}", f"{mode:o}", user, group, path)),
    )


def absent(path: str) -> Wanted:
    """No file, link or empty directory at this path. Never removes a directory that is not empty."""
    return Wanted(
        f"there is no {path}",
        so_if(sh("test ! -e {} && test ! -L {}", path, path)),
        doing(sh("rm -f -- {} 2>/dev/null || rmdir -- {}", path, path)),
    )


PRECISELY = "--timestamp=us+utc"
"""Makes systemd print times in microseconds; since systemd 248."""


def service(name: str, *, restart_for: tuple[str, ...] = (), limits: Mapping[str, int] | None = None) -> Wanted:
    """A systemd service that runs, starts at boot, and was started after each file in `restart_for` changed.

    `limits`: settings such as LimitNOFILE that it has at least; a file of somebody else that lowers one is named.

    Before 248 systemd reports a start in whole seconds; a restart there waits until the second of the
    newest file is over, so that "same second" always means "too old".
    """
    files = words(restart_for or ("/dev/null",))
    fresh = sh(
        "start_of() {{ systemctl show $1 -p ExecMainStartTimestamp --value {} 2>/dev/null; }}; "
        'started=$(date -d "$(start_of {} || start_of)" +%s%N) && '
        "for f in {}; do [ -c $f ] || [ $(date -r $f +%s%N) -lt $started ] || {{ echo $f is newer; exit 1; }}; done",
        name,
        PRECISELY,
        files,
    )
    now = so_if(
        all_of(
            (
                sh(
                    "systemctl is-active {} >/dev/null || {{ echo it is $(systemctl is-active {}); false; }}",
                    name,
                    name,
                ),
                sh("systemctl is-enabled --quiet {} || {{ echo it is not enabled; false; }}", name),
                fresh,
                *(_limit_holds(name, key, least) for key, least in (limits or {}).items()),
            )
        )
    )

    def look(machine: Machine) -> Sight:
        written = machine.written_by_the_run(restart_for)
        return Sight(False, f"{name} is restarted for a new {written}") if written else now(machine)

    def act(machine: Machine) -> None:
        machine.do(sh("systemctl daemon-reload && systemctl enable {}", name), shared=True)
        machine.ask(
            sh(
                "systemctl show {} -p Version >/dev/null 2>&1 || "
                "while [ $(stat -c %Y {} | sort -n | tail -1) -ge $(date +%s) ]; do sleep 0.2; done",
                PRECISELY,
                files,
            )
        )
        started = machine.do(sh("systemctl restart {}", name), check=False, shared=True)
        if not started.ok:
            machine.do(sh("journalctl -u {} -n 20 --no-pager -o cat", name), check=False, shared=True)
            error = NotReached(
                f"{machine.name}: systemd could not start {name}: {' '.join(started.last_lines(3))}",
                hint=f"The lines above are from its journal; on the machine: journalctl -u {name}",
                retryable=True,
            )
            error.lines = journal_of(machine, name)
            raise error

    return Wanted(f"service {name} runs and starts at boot", look, act)


class _Looks:
    """The observations around a wait. The one before it is its first, and its last is the one after it: to look once
    more in the same moment would show nothing new. Each is used once."""

    def __init__(self, look: Callable[[Machine], Sight]) -> None:
        self._look = look
        self._before: list[Sight] = []
        self._after: list[Sight] = []

    def seen(self, machine: Machine) -> Sight:
        """What ended the wait just now, or else a new observation."""
        if self._after:
            return self._after.pop()
        self._before[:] = [self._ask(machine)]
        return self._before[0]

    def during(self, machine: Machine, moments: Iterable[None]) -> Iterator[Sight]:
        """An observation at each moment until the state is reached; what started the wait comes first."""
        first = self._before.copy()
        self._before.clear()
        for _ in moments:
            sight = first.pop() if first else self._ask(machine)
            if sight.so:
                self._after[:] = [sight]
            yield sight

    def _ask(self, machine: Machine) -> Sight:
        try:
            return self._look(machine)
        except NoAnswer as error:
            return Sight(False, error.message, in_vain=not error.retryable)


def _limit_holds(unit: str, key: str, least: int) -> Command:
    """systemd gives the unit this limit; else print the value, and the last file that sets it."""
    return sh(
        'v=$(systemctl show {0} -p {1} --value); [ "$v" = infinity ] || [ "${{v:-{2}}}" -ge {2} ] || {{ '
        "echo {1} is $v, required: {2}, set by $("
        'grep -ls "^ *"{1}= $(systemctl show {0} -p FragmentPath -p DropInPaths --value) | tail -n 1); false; }}',
        unit,
        key,
        least,
    )


def eventually(
    what: str,
    look: Callable[[Machine], Sight],
    *,
    within: float,
    every: float = 0.5,
    hopeless: Callable[[Machine], str] | None = None,
) -> Wanted:
    """A state that is reached by itself; waits at most `within` seconds, observing every `every`.

    Time granted to the step beyond its timeout extends the wait. Raises NotReached where observing is in vain,
    and where `hopeless` returns why the state is never reached. It also waits for a peer without answer (NoAnswer).
    """
    looks = _Looks(look)

    def act(machine: Machine) -> None:
        noted, vain = "", 0
        moments = machine.looks(within, every=every, longer=True)
        for sight in looks.during(machine, itertools.takewhile(lambda _: machine.seconds_left() > 0, moments)):
            if sight.so:
                return
            vain = vain + 1 if sight.in_vain else 0
            _stop_in_vain(machine, what, sight, vain, hopeless)
            if sight.found != noted:
                noted = sight.found
                machine.note(f"waiting: {noted}")

    return Wanted(what, looks.seen, act)


def _stop_in_vain(
    machine: Machine, what: str, sight: Sight, vain: int, hopeless: Callable[[Machine], str] | None
) -> None:
    if vain >= IN_VAIN:
        raise NotReached(
            f"It cannot be determined on {machine.name} whether {what}: {sight.found}",
            hint="Waiting does not help. Is the program installed and intact? Is the address right? Then retry.",
        )
    if hopeless is not None and (why := hopeless(machine)):
        raise NotReached(
            f"Expected on {machine.name}: {what}. Found: {sight.found}; {why}",
            hint="Waiting does not help. Fix the cause that its log names, then retry.",
        )
