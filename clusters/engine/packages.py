"""The wanted state that programs are installed, from packages of the machine's own distribution."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.engine.wants import NotReached, Sight
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.engine.machine import Machine


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
        wanted = words(sorted({self.commands[command] for command in self.missing(machine)}))
        tool = machine.ask(sh("command -v apt-get dnf yum zypper | head -n 1")).stdout.strip().rsplit("/", 1)[-1]
        if tool == "apt-get":
            machine.do(sh("apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy {}", wanted))
        elif tool in ("dnf", "yum"):
            machine.do(sh("{} install -qy {}", tool, wanted))
        elif tool == "zypper":
            machine.do(sh("zypper -n install {}", wanted))
        else:
            raise NotReached(
                f"{machine.name} lacks {wanted.text} and has no known package tool (apt-get, dnf, yum, zypper).",
                hint="Install them manually, then retry.",
            )
