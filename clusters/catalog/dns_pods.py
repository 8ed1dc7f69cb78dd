"""Where the cluster's DNS pods run: not all on one machine, and none on a machine that is down.

They start while machines join, so that all of them land on the first control plane. If it fails, no name is resolved
for the five minutes that Kubernetes leaves pods on an unreachable machine.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clusters.catalog.kubectl import get_object, kubectl
from clusters.catalog.rollout import is_ready, is_silent, nodes_of, pods_of
from clusters.engine.wants import NoAnswer, NotReached, Sight, Wanted
from clusters.remote.shell import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.engine.machine import Machine

NAMESPACE, LABELS = "kube-system", {"k8s-app": "kube-dns"}
"""How kubeadm labels them: https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/"""

DEPLOYMENT = "coredns"
MISSING = f"no deployment {DEPLOYMENT} in {NAMESPACE}"
APART = {
    "preferredDuringSchedulingIgnoredDuringExecution": [
        {
            "weight": 100,
            "podAffinityTerm": {"labelSelector": {"matchLabels": LABELS}, "topologyKey": "kubernetes.io/hostname"},
        }
    ]
}

SELDOM = {"periodSeconds": 10, "failureThreshold": 3}
"""Kubernetes' defaults."""
SOON = {"periodSeconds": 2, "failureThreshold": 15}
"""A pod that does not answer counts as ready for thirty seconds, as with the defaults."""
LACKS = {"affinity": "no affinity to separate machines", "containers": "no readiness probe every two seconds"}

PLACED_WITHIN = 20.0
"""Seconds that the scheduler has to find a node for a pod."""


def placement_and_probe() -> Wanted:
    """DNS pods prefer different machines where possible, and Kubernetes notices within two seconds that they are ready.

    Without the first, the other pods on the nodes decide the placement. kubeadm sets it itself from 1.25 on
    (https://github.com/kubernetes/kubernetes/pull/110593). It does not set the second: by default Kubernetes probes
    every ten seconds, so that half of the pods serve nobody that much longer after an installation, a change or a
    failure. Settings that somebody has already made for either are left alone.
    """

    def look(machine: Machine) -> Sight:
        pod = _template(machine)
        if pod is None:
            return Sight(False, MISSING)
        lacks = " and ".join(LACKS[each] for each in _wanted(pod))
        return Sight(not lacks, f"DNS pods have {lacks}" if lacks else "")

    def act(machine: Machine) -> None:
        pod = _template(machine)
        if pod is None:
            raise NotReached(f"Found {MISSING}.", hint="Did somebody remove the cluster's DNS? Restore it, then retry.")
        patch = json.dumps({"spec": {"template": {"spec": _wanted(pod)}}})
        machine.do(kubectl("patch deployment {} -n {} --type strategic -p {}", DEPLOYMENT, NAMESPACE, patch))

    return Wanted("DNS pods prefer separate machines and have a readiness probe every two seconds", look, act)


def _template(machine: Machine) -> dict[str, Any] | None:
    """The pod template of the deployment; None where there is no such deployment. An API server that does not answer
    must not count as that: settings that somebody has made would be lost."""
    found = get_object(machine, "deployment", DEPLOYMENT, NAMESPACE)
    return None if found is None else found["spec"]["template"]["spec"]


def _wanted(pod: dict[str, Any]) -> dict[str, Any]:
    """The settings of a pod that have to change."""
    wanted: dict[str, Any] = {}
    if not (pod.get("affinity") or {}).get("podAntiAffinity"):
        wanted["affinity"] = {"podAntiAffinity": APART}
    if seldom := [each["name"] for each in pod.get("containers", ()) if _is_probed_seldom(each)]:
        wanted["containers"] = [{"name": name, "readinessProbe": SOON} for name in seldom]
    return wanted


def _is_probed_seldom(container: dict[str, Any]) -> bool:
    probe = container.get("readinessProbe")
    return probe is not None and all(probe.get(key, usual) == usual for key, usual in SELDOM.items())


def spread() -> Wanted:
    """DNS survives the loss of one machine; if the scheduler puts all its pods together again, the log notes it."""
    has_acted = False

    def look(machine: Machine) -> Sight:
        nodes, pods = nodes_of(machine), pods_of(machine, NAMESPACE, LABELS)
        if nodes is None or pods is None:
            raise NoAnswer("The API server does not report where the DNS pods are.")
        if (waiting := unplaced(pods)) and not has_acted:
            return Sight(False, f"the scheduler has not yet placed {', '.join(waiting)}")
        crowded = misplaced(nodes, pods)
        if crowded and has_acted:
            machine.note(f"the scheduler put {', '.join(crowded)} on the same machine again; others may be too full")
            crowded = []
        return Sight(not crowded, f"one machine's failure would stop DNS: {', '.join(crowded)}" if crowded else "")

    def act(machine: Machine) -> None:
        nonlocal has_acted
        pods, nodes = _wait_until_placed(machine), nodes_of(machine)
        if nodes is None or pods is None:
            return
        has_acted = True
        if crowded := misplaced(nodes, pods):
            machine.do(kubectl("delete pod -n {} --wait=false {}", NAMESPACE, words(crowded)))
            _wait_until_placed(machine)

    return Wanted("DNS pods are on more than one machine, where there is room", look, act)


def _wait_until_placed(machine: Machine) -> list[dict[str, Any]] | None:
    """The pods once each has a machine, but no later than the scheduler takes where no machine has room; None when the
    API server does not answer."""
    pods = None
    for _ in machine.looks(PLACED_WITHIN, every=0.5):
        pods = pods_of(machine, NAMESPACE, LABELS)
        if pods is not None and not unplaced(pods):
            break
    return pods


def unplaced(pods: Iterable[dict[str, Any]]) -> list[str]:
    """The names of the pods that the scheduler has not placed on a machine (yet)."""
    return [pod["metadata"]["name"] for pod in pods if not _node(pod) and not _ending(pod)]


def misplaced(nodes: Iterable[dict[str, Any]], pods: Iterable[dict[str, Any]]) -> list[str]:
    """The names of the pods to move: those on unreachable nodes, or all but one if all pods are on one node.

    The one that stays is ready, if any of them is.
    """
    every = list(nodes)
    silent = {node["metadata"]["name"] for node in every if is_silent(node)}
    placed = [pod for pod in pods if _node(pod) and not _ending(pod)]
    if lost := [pod["metadata"]["name"] for pod in placed if _node(pod) in silent]:
        return lost
    usable = [node for node in every if is_ready(node) and not node["spec"].get("unschedulable")]
    if len(usable) < 2 or len({_node(pod) for pod in placed}) > 1:
        return []
    return [pod["metadata"]["name"] for pod in sorted(placed, key=is_ready, reverse=True)[1:]]


def _node(pod: dict[str, Any]) -> str:
    return str(pod["spec"].get("nodeName", ""))


def _ending(pod: dict[str, Any]) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))
