"""The progress of a cluster that starts: nodes that are Ready, and workloads whose pods are all ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.catalog.answers import object_of
from clusters.catalog.kubectl import kubectl
from clusters.engine.wants import Sight, eventually, sight_of

if TYPE_CHECKING:
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.host import Result


WITHOUT_REASON = 2
"""Looks at a rollout that do not ask why pods are not ready: at first they are only starting."""
LONGEST_MESSAGE = 160
"""Characters of a runtime's message about a container that does not start."""


def is_ready(node: dict[str, Any]) -> bool:
    """Whether a node or a pod, as the API server gives it, is Ready."""
    return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", ()))


def is_silent(node: dict[str, Any]) -> bool:
    """Whether a node has stopped reporting: its machine is off, or cannot be reached."""
    conditions = node["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "Unknown" for each in conditions)


def nodes_of(machine: Machine) -> list[dict[str, Any]] | None:
    """The nodes of the cluster; None when the API server does not answer."""
    return _items(machine.ask(kubectl("get nodes -o json")))


def pods_of(machine: Machine, namespace: str, labels: dict[str, str]) -> list[dict[str, Any]] | None:
    """The pods with these labels; None when the API server does not answer."""
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    return _items(machine.ask(kubectl("get pods -n {} -l {} -o json", namespace, selector)))


def _items(answer: Result) -> list[dict[str, Any]] | None:
    return list(object_of(answer, "nodes or pods").get("items", ())) if answer.ok and answer.stdout else None


def silent_nodes(machine: Machine) -> set[str]:
    """The names of nodes that have stopped reporting; empty when the API server does not answer."""
    return {item["metadata"]["name"] for item in nodes_of(machine) or () if is_silent(item)}


def all_ready(machine: Machine, wanted: set[str]) -> Sight:
    """Whether all of these nodes are Ready; if not, which are not."""
    answer = machine.ask(kubectl("get nodes -o json"))
    if not answer.ok:
        return sight_of(answer, "the API server does not answer")
    good = {item["metadata"]["name"] for item in object_of(answer, "the nodes")["items"] if is_ready(item)}
    late = sorted(wanted - good)
    return Sight(not late, f"not ready: {', '.join(late)}" if late else "")


def rollout_of(kind: str, namespace: str, name: str, *, within: float = 300) -> Want:
    """Every pod of a `daemonset` or `deployment` has the current template and is ready, within so many seconds.

    Pods of a daemonset on nodes that have stopped reporting do not count; a step that needs these nodes checks them.
    """
    looked = 0

    def look(machine: Machine) -> Sight:
        nonlocal looked
        looked += 1
        why = looked > WITHOUT_REASON or machine.only_looks
        return _sight(machine, kind, namespace, name, why=why)

    return eventually(f"every pod of {name} is ready", look, within=within, every=2)


def _sight(machine: Machine, kind: str, namespace: str, name: str, *, why: bool) -> Sight:
    answer = machine.ask(kubectl("get {} {} -n {} -o json", kind, name, namespace))
    if not answer.ok:
        return sight_of(answer, f"the API server does not report the state of {name}")
    found = object_of(answer, name)
    status = found.get("status", {})
    labels = found["spec"].get("selector", {}).get("matchLabels", {})
    if kind == "daemonset":
        wants, new = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
        ready = status.get("numberReady", 0)
    else:
        wants, new = found["spec"].get("replicas", 1), status.get("updatedReplicas", 0)
        ready = status.get("readyReplicas", 0)
    seen = status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0)
    # A DaemonSet that wants no pod at all has not been processed yet, or fits no node.
    there = seen and (bool(wants) or kind == "deployment")
    if there and new >= wants and ready >= wants:
        return Sight(True)
    lost = _on_silent_nodes(machine, namespace, labels) if there and kind == "daemonset" else 0
    if lost and new >= wants - lost and ready >= wants - lost:
        return Sight(True)
    reason = _why(machine, namespace, labels) if why else ""
    return Sight(False, f"{ready} of {wants} pods of {name} are ready{reason}")


def _on_silent_nodes(machine: Machine, namespace: str, labels: dict[str, str]) -> int:
    silent = silent_nodes(machine)
    if not silent:
        return 0
    pods = pods_of(machine, namespace, labels) or ()
    return len({name for pod in pods if (name := pod["spec"].get("nodeName")) in silent})


def _why(machine: Machine, namespace: str, labels: dict[str, str]) -> str:
    """The status of the first pod that is not ready."""
    for pod in pods_of(machine, namespace, labels) or ():
        status = pod.get("status", {})
        for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
            if trouble := _trouble(container, pod["metadata"]["name"], namespace):
                return f"; on {pod.get('spec', {}).get('nodeName', 'no node')} {container['name']}{trouble}"
        for condition in status.get("conditions", ()):
            if condition.get("reason") == "Unschedulable":
                return f"; {condition.get('message', 'a pod fits no node')}"
    return ""


def _trouble(container: dict[str, Any], pod: str, namespace: str) -> str:
    """Why a container does not run, and where to find more; nothing while it is only starting."""
    state = container.get("state", {})
    waiting = state.get("waiting", {})
    ended = state.get("terminated") or container.get("lastState", {}).get("terminated") or {}
    if ended.get("exitCode") and "running" not in state and waiting.get("reason") in (None, "CrashLoopBackOff"):
        # The cause is at a message's end, behind the prefixes of every program that passed it on.
        message = " ".join(ended.get("message", "").split())[-LONGEST_MESSAGE:].lstrip(": ")
        reason = f"exited with {ended['exitCode']} ({ended.get('reason', 'Error')}) {message}".rstrip()
        return f" {reason}; kubectl logs -n {namespace} {pod} -c {container['name']} --previous may show more"
    if waiting.get("reason") in (None, "PodInitializing", "ContainerCreating"):
        return ""
    # The message's end differs each time, and the cluster's events have all of it.
    return f": {waiting['reason']} {waiting.get('message', '')[:LONGEST_MESSAGE]}".rstrip()
