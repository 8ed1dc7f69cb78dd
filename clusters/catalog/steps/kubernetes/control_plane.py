"""kubernetes/control-plane, finish/components: control planes that run get what the document says, one by one."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

from clusters.catalog.kubeadm import audit, init_configuration
from clusters.catalog.kubectl import api_server_is_ready
from clusters.catalog.load_balancers.keepalived import stood_aside
from clusters.catalog.paths import BIN, INITIALISED, KUBEADM_CONFIG, KUBELET_CONF, LOCK, MANIFESTS
from clusters.catalog.staticpod import StaticPod, Together, probe_of
from clusters.catalog.steps.finish.ready import BEFORE
from clusters.catalog.steps.kubernetes.certificate import served
from clusters.catalog.steps.kubernetes.join import all_there, control_plane_files
from clusters.config.topology import api_port
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, eventually, file, sight_of
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want, Wanted

COMES_BACK_WITHIN = 330.0
"""Seconds. kubelet tries a program that ended again and again once in five minutes."""
API_SERVER = "kube-apiserver"
COMPONENTS = (API_SERVER, "kube-controller-manager", "kube-scheduler")


@step(
    "kubernetes/control-plane",
    on="control-plane",
    needs=("kubernetes/audit",),
    needs_all=("kubernetes/certificate",),
    serial=True,
    timeout=900,
    expected=1,
    uncut=True,
)
def control_plane(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Bring each control plane to what the document says"""
    whole = all_there((KUBELET_CONF, *control_plane_files(cluster)))
    # One that was whole once gets back what somebody has taken away since.
    if not machine.ask(sh("[ -e {} ] && [ -s {} ] || {{ {}; }}", INITIALISED, KUBELET_CONF, whole)).ok:
        machine.note(f"{machine.name} is no control plane yet; it joins with what the cluster keeps")
        return
    # There already, except in a preview: kubeadm would be asked with the configuration that the run replaces.
    yield file(KUBEADM_CONFIG, init_configuration(machine, cluster), mode=0o600)
    wanted = manifests_of_kubeadm(machine)
    well: list[StaticPod] = []
    for name in COMPONENTS:
        pod = component(name, wanted[name], machine, cluster)
        # What is down is not waited for here, since others wait for this step, and one of them may be its cure.
        # One whose manifest was being replaced when an attempt broke off may be down for that: it gets the one before.
        if not pod.is_half_done(machine) and (pod.is_down(machine) or not machine.ask(pod.healthy).ok):
            machine.note(f"{name} is not well; it gets its manifest, and is looked at again in the end")
            yield file(pod.path, pod.content, mode=0o600)
        elif name == API_SERVER:
            yield pod
        else:
            well.append(pod)
    if well:
        yield Together(tuple(well))


@step("finish/components", on="control-plane", needs_all=BEFORE, timeout=420, expected=1)
def components(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """See every part of each control plane run"""
    for name in COMPONENTS:
        yield comes_back(name, cluster)
    yield served(cluster)


def comes_back(name: str, cluster: Cluster) -> Wanted:
    """The component runs with the manifest there is, and is well; kubelet has its time to start it."""
    return eventually(f"{name} runs with its manifest", _runs(name, cluster), within=COMES_BACK_WITHIN, every=1)


def _runs(name: str, cluster: Cluster) -> Callable[[Machine], Sight]:
    def look(machine: Machine) -> Sight:
        content = machine.read(f"{MANIFESTS}/{name}.yaml")
        if content is None:
            return Sight(False, f"there is no manifest of {name}")
        pod = component(name, content, machine, cluster)
        sight = pod.now(machine)
        if not sight.so:
            return sight
        health = sight_of(machine.ask(pod.healthy))
        return health if health.so else replace(health, found=f"{name} is unhealthy: {health.found}")

    return look


def component(name: str, content: bytes, machine: Machine, cluster: Cluster) -> StaticPod:
    """A part of the control plane as it is wanted on a machine."""
    path = f"{MANIFESTS}/{name}.yaml"
    if name != API_SERVER:
        return StaticPod(name, path, content, probe_of(content))
    ready = api_server_is_ready(machine.address, api_port(cluster.document))
    read = (audit.POLICY,) if cluster.document.kubernetes.audit.enabled else ()
    return StaticPod(name, path, content, ready, read, lambda here: stood_aside(here, cluster))


def manifests_of_kubeadm(machine: Machine) -> Mapping[str, bytes]:
    """Component -> the manifest that kubeadm would write now.

    kubeadm writes where kubelet looks, and nowhere else; so it is let into a place of its own where an empty
    directory lies over that one. Raises NotReached with what it said.
    """
    inner = sh(
        'd=$(mktemp -d) && trap \'rm -rf "$d"\' EXIT && mount --bind "$d" {0} && '
        "{1}/kubeadm init phase control-plane all --config {2} >&2 && "
        "for name in {3}; do base64 -w 0 {0}/$name.yaml && echo; done",
        MANIFESTS,
        BIN,
        KUBEADM_CONFIG,
        sh(" ".join(COMPONENTS)),
    )
    answer = machine.ask(sh("flock {} unshare --mount sh -ec {}", LOCK, inner.text), timeout=60)
    said = answer.stdout.split()
    if not answer.ok or len(said) != len(COMPONENTS):
        raise NotReached(
            f"kubeadm on {machine.name} did not say how a control plane is made: {' '.join(answer.last_lines(3))}",
            hint=f"{KUBEADM_CONFIG} there is what it was told.",
        )
    return {name: base64.b64decode(text) for name, text in zip(COMPONENTS, said, strict=True)}
