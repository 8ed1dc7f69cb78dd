"""Where the cluster's DNS pods run: not all on one machine, and none counted that a dead machine has.

They start while machines join, so that all of them land on the first control plane; with it every name would be lost
for the five minutes that Kubernetes leaves pods on a machine of which nothing is heard.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from clusters.catalog.kubectl import kubectl
from clusters.catalog.rollout import is_ready, is_silent
from clusters.engine.wants import Sight, Wanted
from clusters.remote.shell import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.engine.machine import Machine

SELECTOR = "k8s-app=kube-dns"
"""How kubeadm labels them: https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/"""


def spread() -> Wanted:
    """DNS goes on when one machine dies; where the scheduler puts all its pods together again, the log says so."""
    tried = False

    def look(machine: Machine) -> Sight:
        crowded = misplaced(_items(machine, "nodes"), _items(machine, f"pods -n kube-system -l {SELECTOR}"))
        if crowded and tried:
            machine.note(f"the scheduler has put {', '.join(crowded)} there again; other machines may be too full")
            return Sight(True)
        return Sight(not crowded, f"DNS would be lost with one machine: {', '.join(crowded)}" if crowded else "")

    def act(machine: Machine) -> None:
        nonlocal tried
        tried = True
        pods = misplaced(_items(machine, "nodes"), _items(machine, f"pods -n kube-system -l {SELECTOR}"))
        machine.do(kubectl("delete pod -n kube-system --wait=false {}", words(pods)))

    return Wanted("DNS is lost with no single machine", look, act)


def misplaced(nodes: Iterable[dict[str, Any]], pods: Iterable[dict[str, Any]]) -> list[str]:
    """The names of the pods that had better start elsewhere: those on silent nodes, and all but one of a crowd."""
    every = list(nodes)
    silent = {node["metadata"]["name"] for node in every if is_silent(node)}
    open_to_pods = {
        node["metadata"]["name"] for node in every if is_ready(node) and not node["spec"].get("unschedulable")
    }
    placed = [
        (pod["metadata"]["name"], pod["spec"]["nodeName"])
        for pod in pods
        if pod["spec"].get("nodeName") and not pod["metadata"].get("deletionTimestamp")
    ]
    lost = [name for name, node in placed if node in silent]
    if lost:
        return lost
    (crowd,) = Counter(node for _, node in placed).most_common(1) or [("", 0)]
    if crowd[1] < 2 or crowd[1] < len(placed) or len(open_to_pods) < 2:
        return []
    return [name for name, _ in placed][1:]


def _items(machine: Machine, what: str) -> list[dict[str, Any]]:
    answer = machine.ask(kubectl(f"get {what} -o json"))
    return list(json.loads(answer.stdout).get("items", ())) if answer.ok and answer.stdout else []
