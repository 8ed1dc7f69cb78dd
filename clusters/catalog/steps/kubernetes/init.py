"""kubernetes/init: the first control plane, by kubeadm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.kubeadm import init_configuration
from clusters.catalog.kubectl import kubectl
from clusters.catalog.paths import ADMIN_CONF, BIN, KUBEADM_CONFIG, LOCK
from clusters.engine.step import step
from clusters.engine.wants import Sight, Wanted, eventually, file, so_if
from clusters.remote.shell import all_of, sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

AFTER_START = ("upload-config all", "bootstrap-token", "mark-control-plane", "addon all")
"""What `kubeadm init` does once the API server runs; each may be done again."""


@step(
    "kubernetes/init",
    on="first-control-plane",
    needs=("kubernetes/kubelet", "images/load", "etcd/clients", "os/names", "os/swap", "os/packages"),
    needs_all=("etcd/start",),
    timeout=600,
    expected=30,
    uncut=True,
)
def init(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Start the first control plane with kubeadm"""
    yield file(KUBEADM_CONFIG, init_configuration(machine, cluster), mode=0o600)
    yield Wanted("the control plane of this cluster runs", _looks_whole, _initialise)
    yield eventually("the API server is ready", so_if(kubectl("get --raw /readyz")), within=90)


def _looks_whole(machine: Machine) -> Sight:
    if not machine.ask(sh("test -s {}", ADMIN_CONF)).ok:
        return Sight(False, f"there is no {ADMIN_CONF}")
    if not _answers(machine):
        return Sight(False, "the API server does not answer")
    parts = all_of(
        (
            kubectl("get configmap kubeadm-config kubelet-config -n kube-system -o name 2>&1 | grep -q kubeadm-config"),
            kubectl("get configmap cluster-info -n kube-public -o name"),
            kubectl("get daemonset/kube-proxy deployment/coredns -n kube-system -o name"),
        )
    )
    return Sight(machine.ask(parts).ok, "the API server runs, but parts that kubeadm adds are missing")


def _answers(machine: Machine) -> bool:
    """Whether the API server answers; after a reboot it may take a while, so it is asked patiently."""
    if not machine.ask(sh("test -e /etc/kubernetes/manifests/kube-apiserver.yaml")).ok:
        return False
    return machine.ask(
        sh("for i in $(seq 60); do {} >/dev/null 2>&1 && exit 0; sleep 1; done; exit 1", kubectl("get --raw /readyz")),
        timeout=120,
    ).ok


def _initialise(machine: Machine) -> None:
    """Bring it up; what an interrupted attempt left half done is finished if the API server runs, else begun anew."""
    machine.ask(sh("flock -w 300 {} true", LOCK), timeout=310)
    if machine.ask(sh("test -s {}", ADMIN_CONF)).ok and _answers(machine):
        for phase in AFTER_START:
            machine.do(sh("flock {} {}/kubeadm init phase " + phase + " --config {}", LOCK, BIN, KUBEADM_CONFIG))
        return
    if machine.ask(sh("ls /etc/kubernetes/manifests/*.yaml {} 2>/dev/null | grep -q .", ADMIN_CONF)).ok:
        machine.note("an earlier attempt stopped half way; starting over (etcd's data stays)")
        machine.do(sh("cp {0} {0}.keep && flock {1} {2}/kubeadm reset -f", KUBEADM_CONFIG, LOCK, BIN), check=False)
        machine.do(sh("mv {0}.keep {0}", KUBEADM_CONFIG))
    machine.do(sh("flock {} {}/kubeadm init --config {} --skip-token-print", LOCK, BIN, KUBEADM_CONFIG))
