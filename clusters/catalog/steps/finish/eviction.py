"""finish/eviction: the pods of a failed machine restart elsewhere, despite a bug in early releases of 1.20.

Until 1.20.5, the controller manager corrupts its queue of nodes to be tainted when several of them are not ready at the
same time, for example when they join together: a name stays at its head and is never removed, and no node that fails
later gets the taint by which its pods are evicted. The cure is a leader that started after all nodes were ready.
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
from clusters.config.kubernetes_versions import Version, parse_version
from clusters.config.plugins import is_left_to_the_user
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

FIXED = Version(1, 20, 5)
PROGRAM = "kube-controller-manager"
LED_AGAIN_WITHIN = 60.0
"""Seconds. A lease that is not released expires after 15; with one control plane kubelet has to start the program."""


@dataclass(frozen=True, slots=True)
class Leader:
    """The leader: its machine, an id of its process, and since when it leads."""

    identity: str
    since: datetime

    @property
    def machine(self) -> str:
        """The machine's name."""
        return self.identity.rpartition("_")[0]


def forgets_dead_nodes(document: Document) -> bool:
    """Whether this Kubernetes has the bug."""
    left = is_left_to_the_user(document.network.plugin)
    return not left and parse_version(document.kubernetes.version) < FIXED


@step(
    "finish/eviction",
    on="control-plane",
    needs_all=("finish/ready", "finish/components"),
    when=forgets_dead_nodes,
    timeout=480,
    expected=6,
)
def eviction(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Ensure that pods of a dead machine restart elsewhere"""
    yield fresh_leader()
    yield comes_back(PROGRAM, cluster)


def fresh_leader() -> Wanted:
    """If this machine leads, it started to lead after the last node became ready; other machines are not checked.

    Clocks of machines may differ by more than a new leader takes: after a change in this step the leader counts as new.
    """
    has_acted = False

    def look(machine: Machine) -> Sight:
        leader, nodes = leader_of(machine), nodes_of(machine)
        if nodes is None:
            raise NoAnswer("The API server does not list its nodes.")
        if leader is None:
            return Sight(False, f"no {PROGRAM} leads")
        late = last_ready(nodes)
        if has_acted or leader.machine != machine.name or len(nodes) < 2 or late is None or leader.since > late:
            return Sight(True)
        return Sight(
            False, f"{PROGRAM} started before all nodes were ready; in this release it then ignores failed nodes"
        )

    def act(machine: Machine) -> None:
        nonlocal has_acted
        old = leader_of(machine)
        if old is None or old.machine != machine.name:
            return
        machine.note(f"another {PROGRAM} takes over from the one that leads here; kubelet restarts this one")
        step_down(machine, old)
        has_acted = True

    return Wanted(f"the leading {PROGRAM} started after all nodes were ready", look, act)


def step_down(machine: Machine, old: Leader) -> None:
    """End the leader here, and wait for another. Raises NotReached when none takes over."""
    manifest = machine.read(f"{MANIFESTS}/{PROGRAM}.yaml")
    # A program of that name may belong to another cluster in a container.
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
        f"No {PROGRAM} leads {LED_AGAIN_WITHIN:.0f} s after the one on {machine.name} exited.", retryable=True
    )


def _give_back(machine: Machine, old: Leader) -> None:
    """Release the lease of a process that has ended, as it would itself; otherwise it expires after 15 s."""
    patch = [
        {"op": "test", "path": "/spec/holderIdentity", "value": old.identity},
        {"op": "replace", "path": "/spec/holderIdentity", "value": ""},
    ]
    machine.do(kubectl("patch lease {} -n kube-system --type json -p {}", PROGRAM, json.dumps(patch)), check=False)


def leader_of(machine: Machine) -> Leader | None:
    """The leader according to the API server; None when there is none. Raises NoAnswer when it does not answer."""
    spec = (get_object(machine, "lease", PROGRAM) or {}).get("spec", {})
    since = spec.get("acquireTime")
    at = moment(str(since)) if since else None
    return Leader(spec.get("holderIdentity") or "", at) if at else None


def last_ready(nodes: Iterable[dict[str, Any]]) -> datetime | None:
    """When the last of the Ready nodes became Ready; None when none is."""
    times = [
        moment(str(each["lastTransitionTime"]))
        for node in nodes
        for each in node["status"].get("conditions", ())
        if each["type"] == "Ready" and each["status"] == "True" and "lastTransitionTime" in each
    ]
    return max((at for at in times if at is not None), default=None)
