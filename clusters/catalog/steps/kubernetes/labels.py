"""kubernetes/labels: roles and the document's own labels on nodes, and which control planes accept ordinary pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.catalog.answers import object_of
from clusters.catalog.kubectl import kubectl, no_answer
from clusters.config.kubernetes_versions import WORKER_KEY, facts_of
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted
from clusters.remote.shell import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    members = {each.name: each for each in cluster.members("master") + cluster.members("worker")}
    wanted = {
        name: dict(member.spec.labels) | ({WORKER_KEY: ""} if "worker" in member.roles else {})
        for name, member in members.items()
    }
    if labelled := {name: pairs for name, pairs in wanted.items() if pairs}:
        yield _labelled(labelled)
    if shared := [name for name, member in members.items() if {"master", "worker"} <= set(member.roles)]:
        yield _untainted(shared, facts_of(cluster.document.kubernetes.version).control_plane_taints)


def _nodes(machine: Machine, names: list[str]) -> dict[str, dict[str, Any]]:
    """These nodes as the API server has them, by one question however many they are.

    Raises NotReached where one does not exist, NoAnswer when the API server does not answer.
    """
    answer = machine.ask(kubectl("get nodes -o json"))
    if not answer.ok:
        raise no_answer("which nodes there are", answer)
    known = {item["metadata"]["name"]: item for item in object_of(answer, "the nodes")["items"]}
    if missing := [name for name in names if name not in known]:
        raise NotReached(
            f"The API server does not list the node {', '.join(missing)}.", hint="Retry the run, so that it joins."
        )
    return {name: known[name] for name in names}


def _labelled(wanted: Mapping[str, Mapping[str, str]]) -> Want:
    def missing(machine: Machine) -> dict[str, dict[str, str]]:
        """Node name -> the labels that it does not have, for the nodes that lack one."""
        found = {}
        for name, node in _nodes(machine, list(wanted)).items():
            has = node["metadata"].get("labels", {})
            if lacks := {key: value for key, value in wanted[name].items() if has.get(key) != value}:
                found[name] = lacks
        return found

    def look(machine: Machine) -> Sight:
        found = missing(machine)
        return Sight(not found, "; ".join(f"{name} has no label {', '.join(keys)}" for name, keys in found.items()))

    def act(machine: Machine) -> None:
        # Nodes that lack the same labels are labelled together: most lack that of their role alone.
        alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for name, pairs in missing(machine).items():
            alike.setdefault(tuple(sorted(pairs.items())), []).append(name)
        for labels_, names in alike.items():
            written = words(f"{key}={value}" for key, value in labels_)
            machine.do(kubectl("label nodes {} --overwrite {}", words(names), written))

    who = f"{len(wanted)} nodes have their" if len(wanted) > 1 else f"{next(iter(wanted))} has its"
    return Wanted(f"{who} labels", look, act)


def _untainted(names: list[str], keys: tuple[str, ...]) -> Want:
    def tainted(machine: Machine) -> dict[str, list[str]]:
        """Node name -> those of the taints that it has, for the nodes that have one."""
        found = {}
        for name, node in _nodes(machine, names).items():
            if has := [taint["key"] for taint in node["spec"].get("taints", []) if taint["key"] in keys]:
                found[name] = has
        return found

    def act(machine: Machine) -> None:
        for name, has in tainted(machine).items():
            machine.do(kubectl("taint node {} {}", name, words(f"{key}-" for key in has)))

    def look(machine: Machine) -> Sight:
        found = tainted(machine)
        return Sight(not found, "; ".join(f"{name} has the taints {', '.join(has)}" for name, has in found.items()))

    who = f"{len(names)} control planes accept" if len(names) > 1 else f"{names[0]} accepts"
    return Wanted(f"{who} ordinary pods, too", look, act)
