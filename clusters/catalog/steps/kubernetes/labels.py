"""kubernetes/labels: roles and the document's own labels on nodes, and which control planes accept ordinary pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.catalog.kubectl import get_object, kubectl
from clusters.config.versions import WORKER_KEY, facts_of
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted
from clusters.remote.shell import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


@step(
    "kubernetes/labels",
    on="first-control-plane",
    needs_all=("kubernetes/join", "kubernetes/join-control-plane", "kubernetes/control-plane"),
    expected=2,
)
def labels(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Label the nodes, and allow pods on shared control planes"""
    taints = facts_of(cluster.document.kubernetes.version).control_plane_taints
    for member in {each.name: each for each in cluster.members("master") + cluster.members("worker")}.values():
        wanted = dict(member.spec.labels) | ({WORKER_KEY: ""} if "worker" in member.roles else {})
        if wanted:
            yield _labelled(member.name, wanted)
        if "master" in member.roles and "worker" in member.roles:
            yield _untainted(member.name, taints)


def _node(machine: Machine, name: str) -> dict[str, Any]:
    """The node in the API server. Raises NotReached where it is missing, NoAnswer when the server does not answer."""
    found = get_object(machine, "node", name, namespace="")
    if found is None:
        raise NotReached(f"The API server does not list the node {name}.", hint="Retry the run, so that it joins.")
    return found


def _labelled(name: str, wanted: dict[str, str]) -> Want:
    def look(machine: Machine) -> Sight:
        has = _node(machine, name).get("metadata", {}).get("labels", {})
        off = [key for key, value in wanted.items() if has.get(key) != value]
        return Sight(not off, f"labels missing or different: {', '.join(off)}" if off else "")

    def act(machine: Machine) -> None:
        pairs = words(f"{key}={value}" for key, value in wanted.items())
        machine.do(kubectl("label node {} --overwrite {}", name, pairs))

    return Wanted(f"{name} has its labels", look, act)


def _untainted(name: str, keys: tuple[str, ...]) -> Want:
    def held(machine: Machine) -> list[str]:
        taints = _node(machine, name).get("spec", {}).get("taints", [])
        return [taint["key"] for taint in taints if taint["key"] in keys]

    def act(machine: Machine) -> None:
        machine.do(kubectl("taint node {} {}", name, words(f"{key}-" for key in held(machine))))

    def look(machine: Machine) -> Sight:
        found = held(machine)
        return Sight(not found, f"it has the taints {', '.join(found)}" if found else "")

    return Wanted(f"{name} accepts ordinary pods, too", look, act)
