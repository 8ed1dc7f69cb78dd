"""kubernetes/init: the first control plane, by kubeadm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog import load_balancers
from clusters.catalog.endings import ContainerEnds
from clusters.catalog.kubeadm import init_configuration
from clusters.catalog.kubectl import is_forbidden, is_missing, kubectl, no_answer
from clusters.catalog.paths import ADMIN_CONF, API_SERVER, BIN, CA_KEY, INITIALISED, KUBEADM_CONFIG, KUBELET_CONF, LOCK
from clusters.catalog.staticpod import forget_all_before
from clusters.catalog.steps.kubernetes import proxy
from clusters.catalog.steps.kubernetes.join import STATIC_PODS, kubelet_runs
from clusters.catalog.steps.kubernetes.stored_configuration import annotate_stored_configuration, stored_configuration
from clusters.engine.journal import explained_by
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted, eventually, file, so_if
from clusters.remote.shell import all_of, sh, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

BACK_WITHIN = 120.0
"""Seconds in which an existing API server answers again after a reboot."""

AFTER_START = ("upload-config all", "bootstrap-token", "mark-control-plane", "addon coredns")
"""The phases of `kubeadm init` after the API server runs; each can be repeated."""

PROXY = "addon/kube-proxy"
"""The phase of `kubeadm init` that is skipped where the network plugin replaces kube-proxy."""


@step(
    "kubernetes/init",
    on="first-control-plane",
    needs=(
        "kubernetes/kubelet",
        "images/load",
        "kubernetes/audit",
        "etcd/clients",
        "etcd/external",
        "os/names",
        "os/swap",
        "os/packages",
        *load_balancers.BEFORE_INIT,
    ),
    needs_all=("etcd/start",),
    timeout=600,
    expected=30,
    uncut=True,
)
def init(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Start the first control plane with kubeadm"""
    yield file(KUBEADM_CONFIG, init_configuration(machine, cluster), mode=0o600)
    yield Wanted(
        "the control plane of this cluster runs",
        lambda here: _looks_whole(here, cluster),
        lambda here: _initialise(here, cluster),
    )
    ready, ends = so_if(kubectl("get --raw /readyz")), ContainerEnds("kube-apiserver")
    yield eventually("the API server is ready", ready, within=180, hopeless=ends.look)
    yield kubelet_runs()
    yield file(INITIALISED, f"{cluster.document.name}\n")
    yield stored_configuration(cluster)


def without_proxy(document: Document) -> bool:
    """Whether kube-proxy is not used: the network plugin replaces it."""
    return document.kubernetes.disable_kube_proxy


def _looks_whole(machine: Machine, cluster: Cluster) -> Sight:
    if not machine.ask(sh("test -s {}", ADMIN_CONF)).ok:
        return Sight(False, f"{ADMIN_CONF} is missing")
    if not machine.ask(sh("test -e {}", API_SERVER)).ok:
        return Sight(False, "the API server does not answer")
    proxies = [] if without_proxy(cluster.document) else ["daemonset/kube-proxy"]
    parts = all_of(
        (
            kubectl(
                "get {} -n kube-system -o name", words(["configmap/kubeadm-config", "deployment/coredns", *proxies])
            ),
            kubectl("get configmap cluster-info -n kube-public -o name"),
        )
    )
    answer = machine.ask(parts)
    if not answer.ok and not is_missing(answer) and not is_forbidden(answer):
        if not _answers(machine):
            return Sight(False, "the API server does not answer")
        answer = machine.ask(parts)
    # From 1.29 on the rights of admin.conf are one of these parts: kubeadm binds them after the API server runs.
    if not answer.ok and not is_missing(answer) and not is_forbidden(answer):
        raise no_answer("which parts of kubeadm exist", answer)
    return Sight(answer.ok, "the API server runs, but parts that kubeadm adds are missing")


def _answers(machine: Machine) -> bool:
    """Whether the API server answers; after a reboot that may take a while, so this waits."""
    if not machine.ask(sh("test -e {}", API_SERVER)).ok:
        return False
    return any(machine.ask(kubectl("get --raw /readyz")).ok for _ in machine.looks(BACK_WITHIN, every=1))


def _initialise(machine: Machine, cluster: Cluster) -> None:
    """Start it; an interrupted attempt is finished if the API server runs, else started again."""
    machine.ask(sh("flock -w 300 {} true", LOCK), timeout=310)
    if machine.ask(sh("test -s {}", ADMIN_CONF)).ok and _answers(machine):
        for phase in (*AFTER_START, *(() if without_proxy(cluster.document) else ("addon kube-proxy",))):
            with explained_by(machine, "kubelet"):
                machine.do(sh("flock {} {}/kubeadm init phase " + phase + " --config {}", LOCK, BIN, KUBEADM_CONFIG))
        _annotate(machine, cluster)
        return
    _refuse_to_replace(machine, cluster)
    if machine.ask(sh("ls {} 2>/dev/null | grep -q .", words((*STATIC_PODS, ADMIN_CONF)))).ok:
        data = "is removed, since it is still empty" if cluster.document.etcd.type == "kubeadm" else "stays"
        machine.note(f"an earlier attempt stopped half way; starting over (etcd's data {data})")
        machine.do(sh("cp {0} {0}.keep && flock {1} {2}/kubeadm reset -f", KUBEADM_CONFIG, LOCK, BIN), check=False)
        machine.do(sh("mv {0}.keep {0}", KUBEADM_CONFIG))
    load_balancers.record_of(cluster.document).stand_by(machine, cluster)
    forget_all_before(machine)
    skipped = sh(" --skip-phases {}", PROXY) if without_proxy(cluster.document) else sh("")
    with explained_by(machine, "kubelet"):
        machine.do(sh("flock {} {}/kubeadm init --config {} --skip-token-print{}", LOCK, BIN, KUBEADM_CONFIG, skipped))
    _annotate(machine, cluster)


def _annotate(machine: Machine, cluster: Cluster) -> None:
    """So that a later run knows whether the document still has the settings that kubeadm has just stored."""
    also = {} if without_proxy(cluster.document) else proxy.stored_by_kubeadm(cluster)
    annotate_stored_configuration(machine, cluster, also)


def _refuse_to_replace(machine: Machine, cluster: Cluster) -> None:
    """A control plane that has run, or that has other nodes, must not be replaced by a new one."""
    if machine.ask(sh("test -e {} && test -e {}", INITIALISED, CA_KEY)).ok:
        raise NotReached(
            f"The control plane on {machine.name} was set up before, but its API server does not answer.",
            hint="Nothing was changed. Check etcd (etcdctl endpoint health), journalctl -u kubelet and crictl ps -a. "
            "When the API server answers again, retry.",
            retryable=True,
        )
    for name in sorted({each.name for each in cluster.members("master") + cluster.members("worker")} - {machine.name}):
        other = cluster.machine(name).on_behalf_of(machine)
        if other.ask(sh("test -e {}", KUBELET_CONF)).ok:
            raise NotReached(
                f"{name} is already a node, but no listed control plane belongs to a cluster.",
                hint="Nothing was changed. List a running control plane in roleGroups, or, if the old cluster is no "
                f"longer needed, run kubeadm reset -f on {name}.",
            )
