"""A component of the control plane as a static pod: its file, and the program that really runs with it."""

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
"""The kernel keeps this much of a program's name."""

STARTS_WITHIN = 180.0
BACK_WITHIN = 120.0
"""Seconds for the program to run as wanted, and to run again as before when it did not."""

SETTLE = 3.0
"""Seconds between a component that is well again and the next one that is ended: proxies and shared addresses take two
good answers, a second apart, before they trust an API server again."""

CLOCK_SLIP = 1
"""Seconds that a start, told in ticks since boot, may lie before the time of a file written just before it."""

BEFORE = "/etc/slipway/before"
"""Where a manifest lies while it is replaced, until its successor is well: what breaks off then is kept there only."""

UNIT_PREFIX = "slipway-before-"

PUT_BACK_AFTER = 600
"""Seconds after which the machine itself puts it back, unless the program is well, when nothing is heard of Slipway any
more: more than waiting for both takes. A reboot ends that: then only Slipway does, in its next run."""

LOG_LINES = 3

LAST_PORT = 65535
PORT_DIGITS = 5

PROBE_HINT = (
    "Waiting does not help. Check who changed the manifest on the machine, correct its probe, then retry the run."
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

    `healthy` succeeds on the machine when the program does its work. Where it does not come to that with a new
    manifest, the one before is put back, so that a wrong argument costs an attempt and no control plane. `around` makes
    what the program's end and new start happen in.
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
        """What an earlier step of a dry run's run writes, then `now`."""
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
        """Whether somebody began to replace the manifest and did not come to its end."""
        return machine.read(self._aside) is not None

    def is_down(self, machine: Machine) -> bool:
        """Whether no such program runs, whatever its arguments."""
        return not self._running(machine)

    def reach(self, machine: Machine) -> None:
        """Write the file or end a program that has not read its files; wait for it to be well."""
        with self.around(machine):
            self.finish(machine, self.begin(machine))

    def begin(self, machine: Machine) -> Restart:
        """Write the file, or end a program that has not read its files."""
        before, kept = machine.read(self.path), machine.read(self._aside)
        old = frozenset(each.pid for each in self._running(machine))
        new = before != self.content
        if new and kept is None and before is not None:
            kept = before
            machine.put(kept, self._aside, mode=0o600)
        if kept is not None and not machine.do(self._trap(), check=False).ok:
            machine.note(f"without systemd-run nobody but Slipway can put {self.path} back")
        if new or not file(self.path, self.content, mode=0o600).seen(machine).so:
            machine.note(f"writing {self.path}" + (f"; kubelet starts {self.name} anew" if new else ""))
            self._put(machine, self.content)
        if not new:
            self._end_what_is_outdated(machine)
        # Without a new file, one that runs as it should is as good as one that is started.
        return Restart(kept, old if new else frozenset())

    def finish(self, machine: Machine, restart: Restart) -> None:
        """Wait until it is healthy; if it does not get there, restore the previous manifest and raise NotReached."""
        if self._comes(machine, restart.pids, STARTS_WITHIN):
            self._forget(machine)
            machine.pause(SETTLE)
            return
        said = self._last_words(machine)
        if restart.manifest is not None:
            machine.note(f"{self.name} does not come; putting the manifest back that was there before")
            self._put(machine, restart.manifest)
            self._forget(machine)
            well = self._answers(machine, BACK_WITHIN)
            after = " It runs as before." if well else " The manifest from before is back, too, and it does not run."
        else:
            after = ""
        raise NotReached(
            f"{self.name} on {machine.name} did not come up with the document's arguments.{after} It said: {said}",
            hint="Correct its arguments in the document, then retry.",
        )

    @property
    def _aside(self) -> str:
        return f"{BEFORE}/{self.name}.yaml"

    @property
    def _unit(self) -> str:
        return f"{UNIT_PREFIX}{self.name}"

    def _trap(self) -> Command:
        """Has the machine put the manifest back by itself later; begun again when there is one already."""
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

    def _waits(self, machine: Machine, within: float, well: Callable[[], bool]) -> bool:
        """Whether it comes true in time; a program that ends again and again is not waited for."""
        ends = ContainerEnds(self.name)
        for _ in machine.looks(within, every=1.0):
            if well():
                return True
            if why := ends.look(machine):
                machine.note(f"{why}; waiting longer does not help")
                break
        return False

    def _runs(self, machine: Machine, old: frozenset[str]) -> Sight:
        """Whether a process that is none of the old ones has the manifest's command line and has read its files."""
        wanted = command_of(self.content)
        running = self._running(machine)
        fresh = [each for each in running if each.pid not in old]
        if not fresh:
            return Sight(False, f"{self.name} does not run" if not running else f"{self.name} was not started anew yet")
        matching = [each for each in fresh if each.command == wanted]
        if not matching:
            return Sight(False, f"{self.name} runs with other arguments than its manifest has")
        newest = self._newest_file(machine)
        late = all(each.start + CLOCK_SLIP < newest for each in matching)
        return Sight(not late, f"{self.name} has not read its files since they were changed" if late else "")

    def _end_what_is_outdated(self, machine: Machine) -> None:
        wanted, newest = command_of(self.content), self._newest_file(machine)
        for each in self._running(machine):
            if each.command == wanted and each.start + CLOCK_SLIP < newest:
                machine.do(sh("kill -TERM {}", each.pid), check=False)

    def _newest_file(self, machine: Machine) -> int:
        """When the newest of its files was written; those of the future do not count."""
        said = machine.ask(sh("date +%s; stat -c %Y {} 2>/dev/null", words((self.path, *self.reads)))).stdout.split()
        times = [number for number in map(whole_number, said) if number is not None]
        if len(times) < 2:
            raise NotReached(f"{machine.name} does not say when {self.path} was written.", retryable=True)
        return max((each for each in times[1:] if each <= times[0]), default=0)

    def _running(self, machine: Machine) -> list[Running]:
        return running(machine, command_of(self.content)[0].rpartition("/")[2])

    def _last_words(self, machine: Machine) -> str:
        place = f"/var/log/pods/kube-system_{self.name}-{machine.name}_"
        newest = sh("ls -t {}*/{}/*.log 2>/dev/null | head -n 1", Command(sh("{}", place).text), self.name)
        said = machine.ask(sh("tail -n {} $({}) 2>/dev/null", LOG_LINES, newest)).last_lines(LOG_LINES)
        return " ".join(said) or f"nothing; see crictl ps -a on {machine.name}"


@dataclass(frozen=True, slots=True)
class Together:
    """Components of one machine that restart at the same time.

    kubelet waits 10 to 15 s between the end of a static pod and the start of the next one, and clients need none of
    these components meanwhile.
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
    """Manifests that are kept from an earlier cluster go, so that nobody puts one back into a new one."""
    if machine.ask(sh("test -e {}", BEFORE)).ok:
        machine.do(sh("rm -rf {}; systemctl stop {} 2>/dev/null || :", BEFORE, f"{UNIT_PREFIX}*.timer"))


def running(machine: Machine, program: str) -> list[Running]:
    """The processes of that name, those in containers too."""
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
    """A command line as /proc has it. Programs of others may have anything in theirs."""
    return tuple(base64.b64decode(encoded).decode("utf-8", "surrogateescape").rstrip("\0").split("\0"))


def command_of(manifest: bytes) -> tuple[str, ...]:
    """The command line of a pod's first container."""
    container = _container(manifest)
    return tuple(map(str, (*container.get("command", ()), *container.get("args", ()))))


def probe_of(manifest: bytes) -> Command:
    """Asks what kubelet asks to see whether the pod lives, on the machine itself; its certificate is its own affair.

    Raises NotReached for a manifest whose probe cannot be asked in this way.
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
        f"Expected in the manifest of {container.get('name', 'a static pod')} a livenessProbe with httpGet, "
        f"by which to see whether it is well. Found: {f'one with {other}' if other else 'none'}.",
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
        f"Expected as port of the livenessProbe of {container.get('name', 'a static pod')} a number from 1 to "
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
            "Expected a static pod's manifest with a container in spec.containers, and there is none.",
            hint="Check who changed the manifest on the machine, then retry the run.",
        )
    return container
