"""A component of the control plane as a static pod: its manifest, and the process that actually runs from it."""

from __future__ import annotations

import base64
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clusters.catalog.endings import ContainerEnds
from clusters.catalog.paths import BIN, KUBELET_CONF
from clusters.config.syntax import in_url
from clusters.config.yaml.values import read_value
from clusters.engine.wants import NotReached, Sight, file
from clusters.numbers import whole_number
from clusters.remote.shell import Command, sh, words

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from clusters.engine.machine import Machine

COMM_LENGTH = 15
"""The kernel stores this many characters of a program's name."""

STARTS_WITHIN = 180.0
BACK_WITHIN = 120.0
"""Seconds for the program to start with the new manifest, and with the old one after a failure."""

SETTLE = 3.0
"""Seconds between the recovery of a component and the end of the next one: proxies and shared addresses need two good
answers, a second apart, before they trust an API server again."""

CLOCK_SLIP = 1
"""Seconds that a process's start, measured in ticks since boot, may precede the time of a file written just before."""

BEFORE = "/etc/slipway/before"
"""Where the old manifest is stored while it is replaced, until the new one is healthy: the only copy if a run is cut
off."""

UNIT_PREFIX = "slipway-before-"

PUT_BACK_AFTER = 600
"""Seconds after which the machine restores the old manifest by itself if Slipway is gone and the program unhealthy;
longer than both waits together. A reboot stops this timer: then only Slipway's next run restores it."""

LOG_LINES = 3

LAST_PORT = 65535
PORT_DIGITS = 5

PROBE_HINT = (
    "Waiting does not help. Find out who changed the manifest on the machine, correct its probe, then retry the run."
)


@dataclass(frozen=True, slots=True)
class Running:
    """A process: its number, its parent's number, its start in seconds since the epoch, its command line."""

    pid: str
    parent: str
    start: int
    command: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Restart:
    """The state of a component before its restart: the manifest to go back to, if it changes, and the numbers of the
    processes that do not have the new one."""

    manifest: bytes | None = field(repr=False)
    pids: frozenset[str]


@dataclass(frozen=True, slots=True)
class StaticPod:
    """The pod has this manifest, and its program runs with these arguments; `reads` are files it reads when it starts.

    `healthy` succeeds on the machine when the program works. If it does not with a new manifest, the old one is
    restored, so that a wrong argument costs an attempt and not a control plane. `around` makes the context in which the
    program restarts.
    """

    name: str
    path: str
    content: bytes = field(repr=False)
    healthy: Command
    reads: tuple[str, ...] = ()
    around: Callable[[Machine], AbstractContextManager[None]] = lambda machine: nullcontext()

    @property
    def what(self) -> str:
        """The sentence."""
        return f"{self.name} runs with the document's arguments"

    def seen(self, machine: Machine) -> Sight:
        """In a dry run, files that an earlier step would write; then `now`."""
        changed = machine.written_by_the_run((self.path, *self.reads))
        return Sight(False, f"{self.name} is restarted for a new {changed}") if changed else self.now(machine)

    def now(self, machine: Machine) -> Sight:
        """The file first, then the processes."""
        written = file(self.path, self.content, mode=0o600).seen(machine)
        sight = self._runs(machine, frozenset()) if written.so else written
        if sight.so and self.is_half_done(machine):
            return Sight(False, f"{self.name} has not been healthy since its manifest changed")
        return sight

    def is_half_done(self, machine: Machine) -> bool:
        """Whether a replacement of the manifest was started and not finished."""
        return machine.read(self._aside) is not None

    def is_down(self, machine: Machine) -> bool:
        """Whether no such program runs, whatever its arguments."""
        return not self._running(machine)

    def reach(self, machine: Machine) -> None:
        """Write the file, or end a program that has not read its files; wait until it is healthy."""
        with self.around(machine):
            self.finish(machine, self.begin(machine))

    def begin(self, machine: Machine) -> Restart:
        """Write the file, or end a program that has not read its files."""
        before, saved = machine.read(self.path), machine.read(self._aside)
        old = frozenset(each.pid for each in self._running(machine))
        new = before != self.content
        if new and saved is None and before is not None:
            saved = before
            machine.put(saved, self._aside, mode=0o600)
        if saved is not None and not machine.do(self._trap(), check=False).ok:
            machine.note(f"systemd-run is missing, so only Slipway itself can restore {self.path}")
        if new or not file(self.path, self.content, mode=0o600).seen(machine).so:
            machine.note(f"writing {self.path}" + (f"; kubelet restarts {self.name}" if new else ""))
            self._put(machine, self.content)
        if not new:
            self._end_outdated(machine)
        # Without a new file, a process that already runs with it is as good as a new one.
        return Restart(saved, old if new else frozenset())

    def finish(self, machine: Machine, restart: Restart) -> None:
        """Wait until it is healthy; if it does not get there, restore the previous manifest and raise NotReached."""
        if self._comes(machine, restart.pids, STARTS_WITHIN):
            self._forget(machine)
            machine.pause(SETTLE)
            return
        log = self._last_log_lines(machine)
        if restart.manifest is not None:
            machine.note(f"{self.name} does not start; restoring the previous manifest")
            self._put(machine, restart.manifest)
            self._forget(machine)
            recovered = self._answers(machine, BACK_WITHIN)
            after = (
                " It runs with the previous ones." if recovered else " It does not run with the previous ones either."
            )
        else:
            after = ""
        raise NotReached(
            f"{self.name} on {machine.name} did not start with the document's arguments.{after} Its log: {log}",
            hint="Correct its arguments in the document, then retry.",
        )

    @property
    def _aside(self) -> str:
        return f"{BEFORE}/{self.name}.yaml"

    @property
    def _unit(self) -> str:
        return f"{UNIT_PREFIX}{self.name}"

    def _trap(self) -> Command:
        """Has the machine restore the manifest by itself later; starts an existing timer again."""
        back = sh(
            "[ -e {0} ] || exit 0; {2} >/dev/null 2>&1 || mv -f {0} {1}; rm -f {0}",
            self._aside,
            self.path,
            self.healthy,
        )
        return sh(
            "{{ systemctl stop {0}.timer; systemctl reset-failed {0}.service; "
            "systemd-run --unit {0} --on-active {1} sh -c {2}; }} >/dev/null 2>&1",
            self._unit,
            PUT_BACK_AFTER,
            back.text,
        )

    def _forget(self, machine: Machine) -> None:
        if self.is_half_done(machine):
            machine.do(sh("rm -f {}; systemctl stop {}.timer 2>/dev/null || :", self._aside, self._unit))

    def _put(self, machine: Machine, content: bytes) -> None:
        machine.put(content, self.path, mode=0o600)

    def _comes(self, machine: Machine, old: frozenset[str], within: float) -> bool:
        return self._waits(machine, within, lambda: self._runs(machine, old).so and machine.ask(self.healthy).ok)

    def _answers(self, machine: Machine, within: float) -> bool:
        return self._waits(machine, within, lambda: machine.ask(self.healthy).ok)

    def _waits(self, machine: Machine, within: float, is_reached: Callable[[], bool]) -> bool:
        """Whether the condition becomes true in time; gives up on a program that exits again and again."""
        ends = ContainerEnds(self.name)
        for _ in machine.looks(within, every=1.0):
            if is_reached():
                return True
            if why := ends.look(machine):
                machine.note(f"{why}; waiting longer does not help")
                break
        return False

    def _runs(self, machine: Machine, old: frozenset[str]) -> Sight:
        """Whether a process other than the old ones has the manifest's command line and has read its files."""
        wanted = command_of(self.content)
        running = self._running(machine)
        fresh = [each for each in running if each.pid not in old]
        if not fresh:
            return Sight(False, f"{self.name} does not run" if not running else f"{self.name} has not restarted yet")
        matching = [each for each in fresh if each.command == wanted]
        if not matching:
            return Sight(False, f"{self.name} runs with arguments that differ from its manifest")
        newest = self._newest_file(machine)
        late = all(each.start + CLOCK_SLIP < newest for each in matching)
        return Sight(not late, f"{self.name} has not read its files since they were changed" if late else "")

    def _end_outdated(self, machine: Machine) -> None:
        wanted, newest = command_of(self.content), self._newest_file(machine)
        for each in self._running(machine):
            if each.command == wanted and each.start + CLOCK_SLIP < newest:
                machine.do(sh("kill -TERM {}", each.pid), check=False)

    def _newest_file(self, machine: Machine) -> int:
        """When the newest of its files was written; times in the future do not count."""
        output = machine.ask(sh("date +%s; stat -c %Y {} 2>/dev/null", words((self.path, *self.reads)))).stdout.split()
        times = [number for number in map(whole_number, output) if number is not None]
        if len(times) < 2:
            raise NotReached(f"{machine.name} does not report when {self.path} was written.", retryable=True)
        return max((each for each in times[1:] if each <= times[0]), default=0)

    def _running(self, machine: Machine) -> list[Running]:
        return running(machine, command_of(self.content)[0].rpartition("/")[2])

    def _last_log_lines(self, machine: Machine) -> str:
        place = f"/var/log/pods/kube-system_{self.name}-{machine.name}_"
        newest = sh("ls -t {}*/{}/*.log 2>/dev/null | head -n 1", Command(sh("{}", place).text), self.name)
        lines = machine.ask(sh("tail -n {} $({}) 2>/dev/null", LOG_LINES, newest)).last_lines(LOG_LINES)
        return " ".join(lines) or f"nothing; see crictl ps -a on {machine.name}"


@dataclass(frozen=True, slots=True)
class Together:
    """Components of one machine that restart at the same time.

    kubelet waits 10 to 15 s between the end of a static pod and the start of the next one, and during that time clients
    do not need these components.
    """

    pods: tuple[StaticPod, ...]

    @property
    def what(self) -> str:
        """The sentence."""
        return f"{' and '.join(pod.name for pod in self.pods)} run with the document's arguments"

    def seen(self, machine: Machine) -> Sight:
        """All of them."""
        missed = [sight for sight in (pod.seen(machine) for pod in self.pods) if not sight.so]
        diff = "\n".join(each.diff for each in missed if each.diff)
        return Sight(not missed, "; ".join(each.found for each in missed), diff)

    def reach(self, machine: Machine) -> None:
        """Restart the outdated ones and wait for each of them; then raise the first error, if there was one."""
        errors = []
        with ExitStack() as stack:
            outdated = [pod for pod in self.pods if not pod.seen(machine).so]
            for pod in outdated:
                stack.enter_context(pod.around(machine))
            for pod, restart in [(pod, pod.begin(machine)) for pod in outdated]:
                try:
                    pod.finish(machine, restart)
                except NotReached as error:
                    errors.append(error)
        if errors:
            raise errors[0]


def forget_all_before(machine: Machine) -> None:
    """Remove saved manifests of an earlier cluster, so that none is restored into a new one."""
    if machine.ask(sh("test -e {}", BEFORE)).ok:
        machine.do(sh("rm -rf {}; systemctl stop {} 2>/dev/null || :", BEFORE, f"{UNIT_PREFIX}*.timer"))


def running(machine: Machine, program: str) -> list[Running]:
    """The processes of that name, including those in containers."""
    answer = machine.ask(
        sh(
            "hz=$(getconf CLK_TCK); boot=$(sed -n 's/^btime //p' /proc/stat)\n"
            "for c in /proc/[0-9]*/comm; do\n"
            '  n=; read -r n < $c && [ "$n" = {} ] || continue; d=${{c%/comm}}\n'
            "  s=$(sed 's/.*) //' $d/stat | cut -d' ' -f2,20) && [ -n \"$s\" ] || continue\n"
            "  echo ${{d#/proc/}} ${{s% *}} $((boot + ${{s#* }} / hz)) $(base64 -w 0 < $d/cmdline)\n"
            "done 2>/dev/null; true",
            program[:COMM_LENGTH],
        )
    )
    rows = [line.split() for line in answer.stdout.splitlines()]
    return [
        Running(row[0], row[1], start, _words(row[3]))
        for row in rows
        if len(row) == 4 and (start := whole_number(row[2])) is not None
    ]


def _words(encoded: str) -> tuple[str, ...]:
    """A command line as /proc has it. Other programs may have any bytes in theirs."""
    return tuple(base64.b64decode(encoded).decode("utf-8", "surrogateescape").rstrip("\0").split("\0"))


def command_of(manifest: bytes) -> tuple[str, ...]:
    """The command line of a pod's first container."""
    container = _container(manifest)
    return tuple(map(str, (*container.get("command", ()), *container.get("args", ()))))


def probe_of(manifest: bytes) -> Command:
    """Sends the request of kubelet's liveness probe on the machine itself, without checking the certificate.

    Raises NotReached for a manifest whose probe cannot be sent in this way.
    """
    container = _container(manifest)
    ask = _http_get(container)
    host = str(ask.get("host") or "127.0.0.1")
    port = _port(ask.get("port"), container)
    return sh(
        "{}/kubectl --kubeconfig {} --insecure-skip-tls-verify --server {} --request-timeout 3s get --raw {}",
        BIN,
        KUBELET_CONF,
        f"{str(ask.get('scheme') or 'HTTP').lower()}://{in_url(host)}:{port}",
        str(ask.get("path") or "/healthz"),
    )


def _http_get(container: dict[str, Any]) -> dict[str, Any]:
    probe = container.get("livenessProbe") or {}
    ask = probe.get("httpGet")
    if isinstance(ask, dict):
        return ask
    other = next((kind for kind in ("grpc", "exec", "tcpSocket") if kind in probe), "")
    raise NotReached(
        f"The manifest of {container.get('name', 'a static pod')} should have a livenessProbe with httpGet, which "
        f"shows whether it is healthy. Found: {f'one with {other}' if other else 'none'}.",
        hint=PROBE_HINT,
    )


def _port(port: object, container: dict[str, Any]) -> int:
    """The port of a probe: a number, or the name that the container gives one, as kubeadm does since 1.36."""
    named = {each.get("name"): each.get("containerPort") for each in container.get("ports") or () if each.get("name")}
    number = whole_number(str(named.get(port, port) if isinstance(port, str) else port), PORT_DIGITS)
    if number is not None and 0 < number <= LAST_PORT:
        return number
    known = ", ".join(f"{name} ({value})" for name, value in named.items()) or "none"
    raise NotReached(
        f"The livenessProbe's port of {container.get('name', 'a static pod')} should be a number from 1 to "
        f"{LAST_PORT}, or the name of one of its container's ports. Found: {port!r}. Its named ports: {known}.",
        hint=PROBE_HINT,
    )


def _container(manifest: bytes) -> dict[str, Any]:
    found = read_value(manifest, "The manifest of a static pod")
    try:
        container = found["spec"]["containers"][0]
    except (KeyError, IndexError, TypeError):
        container = None
    if not isinstance(container, dict):
        raise NotReached(
            "A static pod's manifest should have a container in spec.containers; it has none.",
            hint="Find out who changed the manifest on the machine, then retry the run.",
        )
    return container
