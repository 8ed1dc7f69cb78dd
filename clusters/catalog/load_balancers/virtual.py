"""What load balancers with a virtual address have in common: the network interface that gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.load_balancers import listed, virtual_names
from clusters.errors import InstallerError

if TYPE_CHECKING:
    from clusters.engine.machine import Machine


def interface(machine: Machine) -> str:
    """The network interface that has the machine's own address. Raises InstallerError when none does."""
    for each in machine.facts.addresses:
        if each.ip == machine.address:
            return each.interface
    raise InstallerError(
        f"{machine.name} has no network interface with the address {machine.address}; "
        f"{listed(virtual_names(), 'and')} need it.",
        hint="Set internalAddress to an address of the machine itself, not of a router in front of it.",
    )
