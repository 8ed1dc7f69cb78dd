"""os/extra-packages: the packages that the document lists, from the machine's own distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.packages import install, not_installed
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


@step(
    "os/extra-packages",
    on="all",
    needs=("os/claim",),
    when=lambda document: bool(document.system.rpms or document.system.debs),
    timeout=1200,
    expected=10,
)
def extra_packages(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Install the packages that the document lists"""
    system = cluster.document.system
    debian = "apt-get" in machine.facts.tools
    names = system.debs if debian else system.rpms
    if names:
        yield installed(names, debian=debian)


def installed(names: tuple[str, ...], *, debian: bool) -> Want:
    """These packages are installed."""
    if debian:
        one = "dpkg-query -W -f '${{Status}}' $p 2>/dev/null | grep -q 'ok installed'"
        probe = sh(f"for p in {{}}; do {one} || echo $p; done", words(names))
    else:
        probe = sh("for p in {}; do rpm -q --quiet --whatprovides $p || echo $p; done", words(names))

    def missing(machine: Machine) -> list[str]:
        answer = machine.ask(probe)
        if not answer.ok:
            last = " ".join(answer.last_lines(1))
            raise NotReached(f"{machine.name} does not report which packages it has: {last}", retryable=True)
        return answer.stdout.split()

    def look(machine: Machine) -> Sight:
        found = missing(machine)
        return Sight(not found, f"missing: {', '.join(found)}" if found else "")

    def act(machine: Machine) -> None:
        result = install(machine, missing(machine))
        if not result.ok and (left := missing(machine)):
            raise not_installed(machine, left, result)

    return Wanted(f"{len(names)} packages of the document are installed", look, act)
