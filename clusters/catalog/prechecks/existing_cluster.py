"""k8s.*: the cluster that already runs on the machines is the document's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from clusters.catalog.answers import object_of
from clusters.catalog.identity import belongs_elsewhere, is_of_the_cluster, known_identities, read_claim
from clusters.catalog.kubeadm.documents import cluster_configuration
from clusters.catalog.kubectl import kubectl, no_answer
from clusters.catalog.paths import ADMIN_CONF, API_SERVER, BIN, CLAIM, INITIALISED, KUBELET_CONF
from clusters.catalog.rollout import is_silent
from clusters.catalog.steps.etcd.members import answers, listed, spare, strangers, teller
from clusters.catalog.steps.kubernetes.stored_configuration import CLUSTER, config_map
from clusters.config.kubernetes_versions import parse_version
from clusters.config.yaml.values import read_value
from clusters.engine.check import error, precheck, warning
from clusters.engine.wants import NotReached
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck("k8s.leftovers", waivable=False)
def leftovers(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machine has no leftovers of another cluster"""
    traces = machine.facts.traces
    if not traces:
        return
    claim = read_claim(machine.read(CLAIM))
    named = ", ".join(traces)
    if claim is None:
        yield error(f"{machine.name} has {named}, which Slipway did not create.", hint=_removal(machine, traces))
    elif not is_of_the_cluster(machine, cluster, claim):
        yield error(
            f"{machine.name} {belongs_elsewhere(claim, cluster)} It has {named}.",
            hint=_removal(machine, (*traces, CLAIM, INITIALISED)),
        )


def _removal(machine: Machine, paths: tuple[str, ...]) -> str:
    """The advice that removes exactly what was found; `kubeadm reset` alone leaves some of it."""
    command = sh(
        "kubeadm reset -f; systemctl disable --now kubelet; systemctl disable --now etcd; rm -rf {}; "
        "systemctl daemon-reload",
        words(paths),
    )
    return (
        f"If that cluster is no longer needed, run this on {machine.name} as root; it deletes the cluster's data "
        f"there: {command.text}"
    )


@precheck(
    "k8s.other_identity",
    on="first-control-plane",
    fix="If this is the same cluster, for example after the loss of Slipway's database, waive this: its machines then "
    "belong to this document. Otherwise list other machines.",
)
def other_identity(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The cluster on the control planes was created from this document"""
    claim = known_identities(cluster).adopted
    if claim is not None:
        yield error(
            f"The control planes run a cluster of the same name, {claim.cluster}, with another identity ({claim.id}; "
            f"this one's is {cluster.identity.id}): it was created from another document or by another Slipway."
        )


_RELEASE = re.compile(r"\bv\d+\.\d+\.\d+\b(?:-(?:alpha|beta|rc)\.\d+)?")
"""A release in a text. v1.37.2-rc.1 differs from v1.37.2; a vendor's suffix (-gke.100) is ignored."""

IMMUTABLE_KEYS = {
    "networking.podSubnet": "network.kubePodsCIDR",
    "networking.serviceSubnet": "network.kubeServiceCIDR",
    "networking.dnsDomain": "kubernetes.dnsDomain",
    "controlPlaneEndpoint": "controlPlaneEndpoint.domain and .port",
}
"""kubeadm's key -> the document's. Certificates, services or pods contain these values, so they never change."""


@precheck(
    "k8s.version",
    on="kubernetes",
    waivable=False,
    fix="Set the version that runs in the document. If the installation never finished: kubeadm reset -f there.",
)
def same_version(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Existing nodes run the document's Kubernetes version"""
    wanted = str(parse_version(cluster.document.kubernetes.version))
    output = machine.ask(
        sh(
            "[ -s {} ] || exit 0; {}/kubelet --version 2>/dev/null; grep -s ' image: .*kube-apiserver:' {}; true",
            KUBELET_CONF,
            BIN,
            API_SERVER,
        )
    ).stdout
    others = sorted(set(_RELEASE.findall(output)) - {wanted})
    if others:
        yield error(
            f"{machine.name} runs Kubernetes {', '.join(others)}; the document has {wanted}. "
            "Slipway cannot upgrade yet."
        )


@precheck(
    "k8s.unchanged",
    on="first-control-plane",
    waivable=False,
    fix="Restore the original values in the document, or create a new cluster.",
)
def unchanged(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Settings that cannot change are unchanged"""
    if not machine.ask(sh("[ -s {} ]", ADMIN_CONF)).ok:
        return
    try:
        item = config_map(machine, CLUSTER[0]) or {}
    except NotReached as trouble:
        machine.note(f"not checked: {trouble.message}")
        return
    current = read_value(item.get("data", {}).get(CLUSTER[1], ""), f"The cluster's ConfigMap {CLUSTER[0]}")
    current = current if isinstance(current, dict) else {}
    wanted = cluster_configuration(cluster)
    for place, key in IMMUTABLE_KEYS.items():
        before, now = _value_at(current, place), _value_at(wanted, place)
        if before and str(before) != str(now):
            yield error(f"The cluster was created with {before}; the document has {now} ({key}), which cannot change.")
    etcd = current.get("etcd")
    if etcd and isinstance(etcd, dict) and ("local" in etcd) != ("local" in wanted["etcd"]):
        where = "in kubeadm's pods" if "local" in etcd else "outside kubeadm"
        yield error(f"The cluster's etcd runs {where}; the document has another type (etcd.type).")


def _value_at(whole: dict[str, Any], place: str) -> Any:
    for name in place.split("."):
        whole = whole.get(name, {}) if isinstance(whole, dict) else {}
    return whole


@precheck("k8s.strangers", on="first-control-plane")
def unknown_members(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Every node and etcd member of the cluster is in the document"""
    if not machine.ask(sh("[ -s {} ]", ADMIN_CONF)).ok:
        return
    answer = machine.ask(kubectl("get nodes -o json"))
    items = object_of(answer, "the nodes")["items"] if answer.ok and answer.stdout else []
    if not answer.ok:
        machine.note(f"not checked: {no_answer('which nodes there are', answer).message}")
    ours = {each.name for each in cluster.members("master") + cluster.members("worker")}
    for node in items:
        name = node["metadata"]["name"]
        if name not in ours and is_silent(node):
            yield warning(
                f"{name} is a node of the cluster and not in the document; it does not respond.",
                hint=f"If it does not come back: kubectl delete node {name}",
            )
        elif name not in ours:
            yield warning(
                f"{name} is a node of the cluster and not in the document. This run leaves it alone.",
                hint=f"To remove it: kubectl drain {name} --ignore-daemonsets --delete-emptydir-data, "
                f"kubectl delete node {name}, then kubeadm reset -f there.",
            )
    yield from _unknown_etcd_members(machine, cluster)


def _unknown_etcd_members(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    if cluster.document.etcd.type == "external":
        return
    try:
        speaker = teller(machine, cluster)
    except NotReached as trouble:
        machine.note(f"its members were not checked: {trouble.message}")
        return
    if speaker is None:
        return
    every = listed(speaker, cluster)
    if not (unknown := strangers(cluster, every)):
        return
    removable = spare(cluster, speaker, every)
    for member in unknown:
        if member in removable:
            yield warning(
                f"etcd's member {member.called} is not in the document and does not answer. This run removes it.",
                hint="To keep it, add its machine to the document again and start it.",
            )
        else:
            silent = "does not answer, but too few other members are healthy"
            why = "answers" if answers(speaker, cluster, member) else silent
            yield warning(
                f"etcd's member {member.called} is not in the document and {why}. It stays.",
                hint=f"To remove it, stop etcd there, then on {speaker.name}: etcdctl member remove {member.id}",
            )
