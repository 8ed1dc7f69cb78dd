"""host.not_the_installer_itself: Slipway does not pull the rug from under itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clusters.engine.check import precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

MACHINE_ID = Path("/etc/machine-id")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@precheck("host.not_the_installer_itself", fix="Run Slipway elsewhere, or go on if this machine is meant to be a node.")
def itself(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machine is not the one that Slipway runs on"""
    facts = machine.facts
    same = bool(facts.machine_id) and facts.machine_id == _read(MACHINE_ID)
    # In a container Slipway has an id of its own, but its host's kernel; so has a machine that is a container itself.
    under = bool(facts.boot_id) and facts.boot_id == _read(BOOT_ID) and not facts.in_container
    if same or under:
        yield warning(
            f"{machine.name} is the machine that Slipway itself runs on: what goes wrong there, or a reboot, stops "
            "the run as well."
        )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
