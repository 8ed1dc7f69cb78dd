"""net.node_to_node: machines get through to each other on the TCP ports that the cluster needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.reach import Flow, dialled, flows_from
from clusters.engine.check import error, precheck, warning
from clusters.engine.events import Observed
from clusters.remote.dial import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.remote.dial import Dial

TOPIC = "reachability"
"""What a machine found, for whoever draws it: {machine: {port: "" or what went wrong}}."""

NAMED = 6
"""Machines that a sentence names; of further ones it gives the number."""


@precheck(
    "net.node_to_node",
    fix="Let the machines reach each other's internal addresses on these ports, in the firewall of the machine that is "
    "called (firewall-cmd --permanent --add-port=…/tcp, ufw allow proto tcp from …), in security groups and in routers "
    "between; then check again.",
)
def node_to_node(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Machines reach each other on the ports that are needed"""
    flows = flows_from(cluster.document, machine.name)
    if not flows:
        return
    dials = dialled(machine, [(flow.address, flow.port) for flow in flows])
    if dials is None:
        yield warning(
            f"{machine.name} has no bash that opens connections, or no timeout: whether it reaches the others was not "
            "tried.",
            hint="Install bash and coreutils there, or see to it yourself that no firewall is between the machines.",
        )
        return
    ended = {(dial.address, dial.port): dial for dial in dials}
    pairs = [(flow, ended[flow.address, flow.port]) for flow in flows]
    machine.emit(Observed(host=machine.name, step=machine.step, topic=TOPIC, values=_seen(pairs)))
    untried = sum(dial.answer is Answer.UNTRIED for dial in dials)
    machine.note(f"tried {len(dials) - untried} of {len(dials)} connections to other machines")
    yield from _blocked(machine.name, pairs)


def _seen(pairs: list[tuple[Flow, Dial]]) -> dict[str, dict[str, str]]:
    seen: dict[str, dict[str, str]] = {}
    for flow, dial in pairs:
        if dial.answer is not Answer.UNTRIED:
            seen.setdefault(flow.target, {})[str(flow.port)] = "" if dial.answer.through else dial.describe()
    return seen


def _blocked(name: str, pairs: list[tuple[Flow, Dial]]) -> Iterator[Finding]:
    """One finding for each set of ports that is closed in the same way, whichever machines they are on."""
    closed: dict[tuple[str, str], dict[tuple[int, str], None]] = {}
    for flow, dial in pairs:
        if not dial.answer.through and dial.answer is not Answer.UNTRIED:
            closed.setdefault((flow.target, dial.describe()), {})[flow.port, flow.purpose] = None
    groups: dict[tuple[tuple[tuple[int, str], ...], str], list[str]] = {}
    for (target, told), ports in closed.items():
        groups.setdefault((tuple(ports), told), []).append(target)
    for (which, told), targets in groups.items():
        more = f" and {len(targets) - NAMED} more" if len(targets) > NAMED else ""
        what = ", ".join(f"{port} ({purpose})" for port, purpose in which)
        yield error(f"{name} cannot reach {', '.join(targets[:NAMED])}{more} on {what}: {told}.")
