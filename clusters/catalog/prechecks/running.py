"""k8s.version, k8s.unchanged, k8s.strangers: what a cluster that runs already is, beside what the document says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from clusters.catalog.answers import object_of
from clusters.catalog.kubeadm.documents import cluster_configuration
from clusters.catalog.kubectl import kubectl, no_answer
from clusters.catalog.paths import ADMIN_CONF, API_SERVER, BIN, KUBELET_CONF
from clusters.catalog.rollout import is_silent
from clusters.catalog.steps.etcd.members import answers, listed, spare, strangers, teller
from clusters.catalog.steps.kubernetes.stored_configuration import CLUSTER, config_map
from clusters.config.versions import parse_version
from clusters.config.yaml.values import read_value
from clusters.engine.check import error, precheck, warning
from clusters.engine.wants import NotReached
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

_RELEASE = re.compile(r"\bv\d+\.\d+\.\d+\b(?:-(?:alpha|beta|rc)\.\d+)?")
"""A release in a text. v1.37.2-rc.1 is another than v1.37.2; what a vendor appends (-gke.100) is not read."""

FIXED = {
    "networking.podSubnet": "network.kubePodsCIDR",
    "networking.serviceSubnet": "network.kubeServiceCIDR",
    "networking.dnsDomain": "kubernetes.dnsDomain",
    "controlPlaneEndpoint": "controlPlaneEndpoint.domain and .port",
}
"""kubeadm's key -> the document's: what is in every certificate, service or pod, and stays for a cluster's life."""


@precheck(
    "k8s.version",
    on="kubernetes",
    waivable=False,
    fix="Put the version that runs back into the document. If the machine was never finished: kubeadm reset -f there.",
)
def version(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """A machine that is a node already runs the document's Kubernetes"""
    wanted = str(parse_version(cluster.document.kubernetes.version))
    said = machine.ask(
        sh(
            "[ -s {} ] || exit 0; {}/kubelet --version 2>/dev/null; grep -s ' image: .*kube-apiserver:' {}; true",
            KUBELET_CONF,
            BIN,
            API_SERVER,
        )
    ).stdout
    others = sorted(set(_RELEASE.findall(said)) - {wanted})
    if others:
        yield error(
            f"{machine.name} runs Kubernetes {', '.join(others)}, the document says {wanted}. No run upgrades yet."
        )


@precheck(
    "k8s.unchanged",
    on="first-control-plane",
    waivable=False,
    fix="Put what the cluster was made with back into the document, or make a new cluster.",
)
def unchanged(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """What stays for a cluster's whole life is as it was made"""
    if not machine.ask(sh("[ -s {} ]", ADMIN_CONF)).ok:
        return
    try:
        item = config_map(machine, CLUSTER[0]) or {}
    except NotReached as trouble:
        machine.note(f"not looked at: {trouble.message}")
        return
    kept = read_value(item.get("data", {}).get(CLUSTER[1], ""), f"The cluster's ConfigMap {CLUSTER[0]}")
    kept = kept if isinstance(kept, dict) else {}
    wanted = cluster_configuration(cluster)
    for place, key in FIXED.items():
        before, now = _at(kept, place), _at(wanted, place)
        if before and str(before) != str(now):
            yield error(f"The cluster was made with {before}, the document says {now} ({key}). No run changes that.")
    etcd = kept.get("etcd")
    if etcd and isinstance(etcd, dict) and ("local" in etcd) != ("local" in wanted["etcd"]):
        was = "in pods of kubeadm's" if "local" in etcd else "outside of kubeadm"
        yield error(f"The cluster's etcd runs {was}, the document wants it otherwise (etcd.type).")


def _at(whole: dict[str, Any], place: str) -> Any:
    for name in place.split("."):
        whole = whole.get(name, {}) if isinstance(whole, dict) else {}
    return whole


@precheck("k8s.strangers", on="first-control-plane")
def unlisted(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The cluster has no node and no etcd member that is not in the document"""
    if not machine.ask(sh("[ -s {} ]", ADMIN_CONF)).ok:
        return
    answer = machine.ask(kubectl("get nodes -o json"))
    items = object_of(answer, "the nodes")["items"] if answer.ok and answer.stdout else []
    if not answer.ok:
        machine.note(f"not looked at: {no_answer('which nodes there are', answer).message}")
    ours = {each.name for each in cluster.members("master") + cluster.members("worker")}
    for node in items:
        name = node["metadata"]["name"]
        if name not in ours and is_silent(node):
            yield warning(
                f"{name} is a node of the cluster and not in the document; nothing is heard of it.",
                hint=f"If it does not come back: kubectl delete node {name}",
            )
        elif name not in ours:
            yield warning(
                f"{name} is a node of the cluster and not in the document. This run leaves it alone.",
                hint=f"To take it out: kubectl drain {name} --ignore-daemonsets --delete-emptydir-data, "
                f"kubectl delete node {name}, then kubeadm reset -f there.",
            )
    yield from _members(machine, cluster)


def _members(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    if cluster.document.etcd.type == "external":
        return
    try:
        asked = teller(machine, cluster)
    except NotReached as trouble:
        machine.note(f"its members were not looked at: {trouble.message}")
        return
    if asked is None:
        return
    every = listed(asked, cluster)
    if not (unknown := strangers(cluster, every)):
        return
    going = spare(cluster, asked, every)
    for member in unknown:
        if member in going:
            yield warning(
                f"etcd's member {member.called} is not in the document and does not answer. This run takes it out.",
                hint="If that is not wanted, put its machine back into the document and switch it on.",
            )
        else:
            why = "answers" if answers(asked, cluster, member) else "is dead, but too few of the others are well"
            yield warning(
                f"etcd's member {member.called} is not in the document and {why}. It stays.",
                hint=f"To take it out, stop etcd there, then on {asked.name}: etcdctl member remove {member.id}",
            )
