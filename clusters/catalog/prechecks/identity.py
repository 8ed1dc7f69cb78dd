"""access.facts, host.*: Slipway can log in to the machine, and it is the one that the document means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clusters.config.syntax import address_of
from clusters.engine.check import error, precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck("access.facts", waivable=False)
def readable(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machine is reachable, and root can be used"""
    found = machine.facts
    if found.arch not in ("amd64", "arm64"):
        yield error(f"{machine.name} has the architecture {found.arch or 'unknown'}; amd64 and arm64 are supported.")
    elif machine.spec.arch != found.arch:
        yield warning(f"{machine.name} is {found.arch}, the document has {machine.spec.arch}; Slipway uses the former.")
    machine.note(
        f"{found.os_name}, kernel {found.kernel}, {found.arch}, {found.cpus} CPUs, {found.memory_mb} MiB of memory,"
        f" {found.var_free_mb} MiB free below /var"
    )


@precheck("host.machine_id_unique", fix="On one of them: rm /etc/machine-id && systemd-machine-id-setup, then reboot.")
def machine_id(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """No two machines have the same machine id"""
    own = machine.facts.machine_id
    twins = [each.name for each in cluster.readable() if each.name != machine.name and each.facts.machine_id == own]
    if own and twins:
        yield error(f"{machine.name} has the same machine id as {', '.join(twins)}; they are copies of one disk.")


@precheck("host.internal_ip_on_nic", fix="Correct internalAddress in the document.")
def internal_ip(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The internal address belongs to the machine"""
    held = {address_of(each) for each in machine.facts.ips}
    missing = [address for address in machine.addresses if address_of(address) not in held]
    if machine.facts.ips and missing:
        yield error(
            f"{machine.name} has the addresses {', '.join(machine.facts.ips)}; the document has {', '.join(missing)}."
        )


MACHINE_ID = Path("/etc/machine-id")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@precheck(
    "host.not_the_installer_itself",
    fix="Run Slipway on another machine, or continue if this one is meant to be a node.",
)
def not_the_installer(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machine is not the one that Slipway runs on"""
    facts = machine.facts
    same = bool(facts.machine_id) and facts.machine_id == _read_id(MACHINE_ID)
    # In a container Slipway has its own machine id, but its host's kernel. So has a machine that is a container.
    under = bool(facts.boot_id) and facts.boot_id == _read_id(BOOT_ID) and not facts.in_container
    if same or under:
        yield warning(
            f"{machine.name} is the machine that Slipway runs on: a failure or a reboot there also stops the run."
        )


def _read_id(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
