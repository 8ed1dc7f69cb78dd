"""Packages of the machine's own distribution: installed although one source is broken, after others that install."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.engine.wants import NotReached, Sight
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clusters.engine.machine import Machine
    from clusters.remote.host import Result

LOCKED_FOR = 540.0
"""Seconds to wait for another program that installs packages, such as the upgrades right after a machine's first start;
time granted to the step extends it."""

LOOK_EVERY = 3.0
NOTED_EVERY = 10
"""Every how many checks in vain the log has another line."""

LAST_LINES = 6

HOLDER = sh(
    "for f in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do "
    "i=$(stat -c %i $f 2>/dev/null) && awk -v i=:$i$ '$6 ~ i {{print $5}}' /proc/locks; done 2>/dev/null | "
    "cat - /run/yum.pid /run/dnf.pid /run/zypp.pid /var/cache/dnf/*.pid 2>/dev/null | while read -r p; do "
    '[ -d "/proc/$p" ] && echo "$p $(cat /proc/$p/comm)" && break; done; exit 0'
)
"""Process and name of the program that holds a lock of the package tools; nothing if there is none."""


@dataclass(frozen=True, slots=True)
class Packages:
    """Packages of the machine's own distribution, by the command that each must provide."""

    commands: Mapping[str, str] = field(default_factory=dict)
    what: str = "the system tools that Kubernetes calls are installed"

    def missing(self, machine: Machine) -> list[str]:
        """The missing commands."""
        found = machine.ask(sh("for c in {}; do command -v $c >/dev/null || echo $c; done", words(self.commands)))
        if not found.ok:
            reason = " ".join(found.last_lines(1))
            raise NotReached(f"{machine.name} does not report which commands it has: {reason}", retryable=True)
        return found.stdout.split()

    def seen(self, machine: Machine) -> Sight:
        """Check the commands, not package names: their origin does not matter."""
        missing = self.missing(machine)
        return Sight(not missing, f"missing: {', '.join(missing)}" if missing else "")

    def reach(self, machine: Machine) -> None:
        """Install what is missing with the machine's package tool."""
        result = install(machine, sorted({self.commands[command] for command in self.missing(machine)}))
        if not result.ok and (missing := self.missing(machine)):
            raise not_installed(machine, missing, result)


def install(machine: Machine, names: Sequence[str]) -> Result:
    """Install packages; the result of the package tool, which may have failed for other reasons than these packages."""
    tool = machine.ask(sh("command -v apt-get dnf yum zypper | head -n 1")).stdout.strip().rsplit("/", 1)[-1]
    if tool not in ("apt-get", "dnf", "yum", "zypper"):
        raise NotReached(
            f"{machine.name} lacks {words(names).text} and has no known package tool (apt-get, dnf, yum, zypper).",
            hint="Install them manually, then retry.",
        )
    wait_for_others(machine)
    if tool == "apt-get":
        _warn(machine, machine.do(sh("apt-get update -q"), check=False))
        return machine.do(
            sh("DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -qy {}", words(names)),
            check=False,
        )
    if tool == "zypper":
        return machine.do(sh("ZYPP_LOCK_TIMEOUT=120 zypper -n install {}", words(names)), check=False)
    result = machine.do(sh("{} install -qy {}", tool, words(names)), check=False)
    if result.ok:
        return result
    _warn(machine, result)
    return machine.do(sh("{} --setopt={} install -qy {}", tool, "*.skip_if_unavailable=1", words(names)), check=False)


def not_installed(machine: Machine, missing: Sequence[str], result: Result) -> NotReached:
    """The error for packages that are still missing after the package tool failed."""
    return NotReached(
        f"{machine.name} still lacks {', '.join(missing)}. The package tool printed: "
        f"{' '.join(line.strip() for line in result.last_lines(LAST_LINES))[-800:]}",
        hint="Repair the package sources that these lines name, or install the packages by hand, then retry.",
        retryable=True,
    )


def wait_for_others(machine: Machine) -> None:
    """Wait until no other program installs packages; the log names the one that does."""
    noted, count = "", 0
    for _ in machine.looks(LOCKED_FOR, every=LOOK_EVERY, longer=True):
        holder = machine.ask(HOLDER).stdout.strip().partition("\n")[0]
        if not holder:
            return
        if holder != noted or count % NOTED_EVERY == 0:
            machine.note(f"waiting: {_named(holder)} installs packages on {machine.name}")
        noted, count = holder, count + 1
    raise NotReached(
        f"{_named(noted)} has installed packages on {machine.name} for more than {LOCKED_FOR:.0f} s.",
        hint="Wait until it ends (`ps -fp` with its number shows it); if it hangs, stop it. Then retry.",
        retryable=True,
    )


def _named(holder: str) -> str:
    process, _, name = holder.partition(" ")
    return f"{name or 'a program'} (process {process})"


def _warn(machine: Machine, result: Result) -> None:
    """A broken source is a warning: what is needed may come from another one."""
    if not result.ok:
        last = next((line.strip() for line in reversed(result.last_lines(LAST_LINES)) if line.strip()), "nothing")
        machine.note(f"warning: a package source of {machine.name} does not work, the others are used: {last[:300]}")
