"""net.node_to_node, net.latency, net.loss: machines reach each other, quickly and without lost packets."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from clusters.catalog.claimed import of_a_cluster
from clusters.catalog.connecting import RETRIED_MS, connection_times
from clusters.catalog.reach import Flow, dialled, etcd_places, flows_from
from clusters.engine.check import error, precheck, warning
from clusters.engine.events import Observed
from clusters.remote.dial import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.remote.dial import Dial


REACHABILITY = "reachability"
"""The topic of the event with a machine's results: {other machine: {port: "" or the reason}}."""

MOST_NAMED = 6
"""The most machines that a finding names; it counts the others."""


@precheck(
    "net.node_to_node",
    fix="Let the machines reach each other's internal addresses on these ports, in the firewall of the target "
    "machine (firewall-cmd --permanent --add-port=…/tcp, ufw allow proto tcp from …), in security groups and in "
    "routers between them; then check again.",
)
def node_to_node(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Machines reach each other on the required ports"""
    flows = flows_from(cluster.document, machine.name)
    if not flows:
        return
    dials = dialled(machine, [(flow.address, flow.port) for flow in flows])
    if dials is None:
        yield warning(
            f"Slipway could not test the connections from {machine.name}: it lacks timeout, or a bash with /dev/tcp.",
            hint="Install bash and coreutils there, or make sure that no firewall blocks these machines.",
        )
        return
    dial_of = {(dial.address, dial.port): dial for dial in dials}
    pairs = [(flow, dial_of[flow.address, flow.port]) for flow in flows]
    machine.emit(Observed(host=machine.name, step=machine.step, topic=REACHABILITY, values=_reachability(pairs)))
    untried = sum(dial.answer is Answer.UNTRIED for dial in dials)
    machine.note(f"tried {len(dials) - untried} of {len(dials)} connections to other machines")
    yield from _blocked_ports(machine.name, pairs)


def _reachability(pairs: list[tuple[Flow, Dial]]) -> dict[str, dict[str, str]]:
    matrix: dict[str, dict[str, str]] = {}
    for flow, dial in pairs:
        if dial.answer is not Answer.UNTRIED:
            matrix.setdefault(flow.target, {})[str(flow.port)] = "" if dial.answer.through else dial.describe()
    return matrix


def _blocked_ports(name: str, pairs: list[tuple[Flow, Dial]]) -> Iterator[Finding]:
    """One finding for each set of ports that is blocked for the same reason, with all their machines."""
    closed: dict[tuple[str, str], dict[tuple[int, str], None]] = {}
    for flow, dial in pairs:
        if not dial.answer.through and dial.answer is not Answer.UNTRIED:
            closed.setdefault((flow.target, dial.describe()), {})[flow.port, flow.purpose] = None
    groups: dict[tuple[tuple[tuple[int, str], ...], str], list[str]] = {}
    for (target, reason), ports in closed.items():
        groups.setdefault((tuple(ports), reason), []).append(target)
    for (which, reason), targets in groups.items():
        more = f" and {len(targets) - MOST_NAMED} more" if len(targets) > MOST_NAMED else ""
        what = ", ".join(f"{port} ({purpose})" for port, purpose in which)
        yield error(f"{name} cannot reach {', '.join(targets[:MOST_NAMED])}{more} on {what}: {reason}.")


MOST_LATENCY_MS = 10.0
"""The round trip in milliseconds, far longer than inside a data centre. etcd recommends a heartbeat interval close to
the round trip; its default is 100. Source: etcd's documentation, "Tuning"."""

LATENCY_TRIES = 5


def has_etcd_peers(document: Document) -> bool:
    """Whether etcd has several members, which wait for each other."""
    return len(etcd_places(document)) > 1


@precheck(
    "net.latency",
    on="etcd-member",
    when=has_etcd_peers,
    fix="Put the etcd members into one data centre, or near each other; each write waits for a majority of them.",
)
def latency(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Latency between etcd members is low"""
    places = etcd_places(cluster.document)
    others = {f"{address}/{port}": name for name, address, port in places if name != machine.name}
    medians = {
        others[place]: statistics.median(first)
        for place, times in connection_times(machine, others, tries=LATENCY_TRIES, seconds=3).items()
        if (first := [ms for ms in times if ms < RETRIED_MS])
    }
    if medians:
        machine.note(", ".join(f"{name} answers within {ms:.1f} ms" for name, ms in medians.items()))
    for name, ms in medians.items():
        if ms > MOST_LATENCY_MS:
            yield warning(
                f"{machine.name} waits {ms:.0f} ms for an answer from {name}, another etcd member; "
                f"the limit is {MOST_LATENCY_MS:.0f} ms."
            )


LOSS_TRIES = 20
LOSS_TARGETS = 3
"""The most machines that each machine connects to. If one link is faulty, some machine's connections use it."""

TOLERATED_WORKER_LOSS = 0.1
"""Share of the connections; control planes and etcd members may lose none. Source: the OpenShift assisted installer."""


@precheck(
    "net.loss",
    fix="Check the cables, switch ports and interfaces between them (ip -s link): Kubernetes retries, but etcd's "
    "elections and image downloads take far longer.",
)
def loss(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """No packets to other machines are lost"""
    places = _loss_targets(machine, cluster)
    if not places or machine.ask(of_a_cluster()).ok:
        # Running servers log each connection that sends nothing.
        return
    # Where every connection failed, a firewall blocks them: net.node_to_node reports that.
    lost = {
        places[place]: sum(ms >= RETRIED_MS for ms in times) / len(times)
        for place, times in connection_times(machine, places, tries=LOSS_TRIES, seconds=12).items()
        if min(times) < RETRIED_MS
    }
    tolerated = 0.0 if {"master", "etcd"}.intersection(machine.roles) else TOLERATED_WORKER_LOSS
    for name, share in lost.items():
        if share > tolerated:
            yield warning(
                f"{share:.0%} of the connections that {machine.name} opened to {name} needed a second packet."
            )


def _loss_targets(machine: Machine, cluster: Cluster) -> dict[str, str]:
    """Address and port of a few other machines, one port each, with the machine's name."""
    found: dict[str, str] = {}
    for flow in flows_from(cluster.document, machine.name):
        if flow.address and flow.target not in found.values() and len(found) < LOSS_TARGETS:
            found[f"{flow.address}/{flow.port}"] = flow.target
    return found
