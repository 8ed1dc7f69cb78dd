"""finish/eviction: the pods of a machine that dies will start elsewhere, for all that early releases of 1.20 do.

Until 1.20.5, the controller manager spoils its queue of nodes to be tainted when several of them are not ready at the
same time, as when they join together: a name stays at its head that is never taken out, and no node that dies later
gets the taint by which its pods are evicted. What helps is a leader that began after all nodes were ready.
Source: https://github.com/kubernetes/kubernetes/pull/96876, in 1.20.5 as pull request 98168.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusters.catalog.kubectl import get_object, kubectl
from clusters.catalog.paths import MANIFESTS
from clusters.catalog.rollout import nodes_of
from clusters.catalog.staticpod import command_of, running
from clusters.catalog.steps.kubernetes.control_plane import comes_back
from clusters.config.plugins import is_left_to_the_user
from clusters.config.versions import Version, parse_version
from clusters.engine.step import step
from clusters.engine.wants import NoAnswer, NotReached, Sight, Wanted
from clusters.numbers import moment
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

MENDED = Version(1, 20, 5)
PROGRAM = "kube-controller-manager"
LED_AGAIN_WITHIN = 60.0
"""Seconds. A lease that nobody gives back runs out after 15; on one control plane kubelet has to start the program."""


@dataclass(frozen=True, slots=True)
class Leader:
    """Who leads: the machine and a mark of the process, and since when."""

    identity: str
    since: datetime

    @property
    def machine(self) -> str:
        """The machine's name."""
        return self.identity.rpartition("_")[0]


def forgets_dead_nodes(document: Document) -> bool:
    """Whether this Kubernetes has the mistake."""
    left = is_left_to_the_user(document.network.plugin)
    return not left and parse_version(document.kubernetes.version) < MENDED


@step(
    "finish/eviction",
    on="control-plane",
    needs_all=("finish/ready", "finish/components"),
    when=forgets_dead_nodes,
    timeout=480,
    expected=6,
)
def eviction(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """See that pods of a dead machine will start elsewhere"""
    yield fresh_leader()
    yield comes_back(PROGRAM, cluster)


def fresh_leader() -> Wanted:
    """Where this machine leads, it began to after the last node became ready; of other machines nothing is said.

    Clocks of machines may differ by more than a new leader takes: one that was made here is believed to be new.
    """
    made = False

    def look(machine: Machine) -> Sight:
        leader, nodes = leader_of(machine), nodes_of(machine)
        if nodes is None:
            raise NoAnswer("The API server does not say which nodes there are.")
        if leader is None:
            return Sight(False, f"no {PROGRAM} leads")
        late = last_ready(nodes)
        if made or leader.machine != machine.name or len(nodes) < 2 or late is None or leader.since > late:
            return Sight(True)
        return Sight(False, f"{PROGRAM} of this release began before all nodes were ready, and forgets nodes that die")

    def act(machine: Machine) -> None:
        nonlocal made
        old = leader_of(machine)
        if old is None or old.machine != machine.name:
            return
        machine.note(f"another {PROGRAM} takes over from the one that leads here; kubelet starts this one anew")
        step_down(machine, old)
        made = True

    return Wanted(f"the {PROGRAM} that leads began after all nodes were ready", look, act)


def step_down(machine: Machine, old: Leader) -> None:
    """End the leader here, and wait for another. Raises NotReached when none comes."""
    manifest = machine.read(f"{MANIFESTS}/{PROGRAM}.yaml")
    # A program of that name may belong to somebody else's cluster in a container.
    ours = command_of(manifest) if manifest else None
    ended = [each.pid for each in running(machine, PROGRAM) if each.command == ours]
    for pid in ended:
        machine.do(sh("kill -TERM {}", pid), check=False)
    for _ in machine.looks(LED_AGAIN_WITHIN, every=1.0):
        still = {each.pid for each in running(machine, PROGRAM)} & set(ended)
        try:
            now = leader_of(machine)
        except NoAnswer:
            continue
        if now is not None and now.identity not in ("", old.identity):
            return
        if not still and now is not None and now.identity == old.identity:
            _give_back(machine, old)
    raise NotReached(
        f"No {PROGRAM} leads {LED_AGAIN_WITHIN:.0f} s after the one on {machine.name} ended.", retryable=True
    )


def _give_back(machine: Machine, old: Leader) -> None:
    """Give the lease of a process that has ended back, as it would itself; else it runs out after 15 s."""
    patch = [
        {"op": "test", "path": "/spec/holderIdentity", "value": old.identity},
        {"op": "replace", "path": "/spec/holderIdentity", "value": ""},
    ]
    machine.do(kubectl("patch lease {} -n kube-system --type json -p {}", PROGRAM, json.dumps(patch)), check=False)


def leader_of(machine: Machine) -> Leader | None:
    """Who leads, as the API server has it; None when nobody does. Raises NoAnswer when it does not say."""
    spec = (get_object(machine, "lease", PROGRAM) or {}).get("spec", {})
    since = spec.get("acquireTime")
    at = moment(str(since)) if since else None
    return Leader(spec.get("holderIdentity") or "", at) if at else None


def last_ready(nodes: Iterable[dict[str, Any]]) -> datetime | None:
    """When the last of the nodes that are Ready became so; None when none is."""
    times = [
        moment(str(each["lastTransitionTime"]))
        for node in nodes
        for each in node["status"].get("conditions", ())
        if each["type"] == "Ready" and each["status"] == "True" and "lastTransitionTime" in each
    ]
    return max((at for at in times if at is not None), default=None)
