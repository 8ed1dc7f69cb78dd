"""kubernetes/control-plane, finish/components: running control planes get the document's settings, one by one."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

from clusters.catalog.kubeadm import audit, init_configuration
from clusters.catalog.kubectl import api_server_is_ready
from clusters.catalog.load_balancers import record_of
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
"""Seconds. kubelet restarts a program that exits again and again once in five minutes."""
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
    """Apply the document to each control plane"""
    whole = all_there((KUBELET_CONF, *control_plane_files(cluster)))
    # A control plane that was complete once gets files back that somebody has removed.
    if not machine.ask(sh("[ -e {} ] && [ -s {} ] || {{ {}; }}", INITIALISED, KUBELET_CONF, whole)).ok:
        machine.note(f"{machine.name} is not a control plane yet; it joins with the cluster's stored configuration")
        return
    # It already exists, except in a preview: there kubeadm would read the configuration that the run replaces.
    yield file(KUBEADM_CONFIG, init_configuration(machine, cluster), mode=0o600)
    wanted = manifests_of_kubeadm(machine)
    healthy: list[StaticPod] = []
    for name in COMPONENTS:
        pod = component(name, wanted[name], machine, cluster)
        # This step does not wait for a component that is down: later steps wait for this one, and may be its cure.
        # If an attempt was cut off while it replaced the manifest, that may be the cause: the previous one is restored.
        if not pod.is_half_done(machine) and (pod.is_down(machine) or not machine.ask(pod.healthy).ok):
            machine.note(f"{name} is unhealthy; writing its manifest, to be checked again at the end")
            yield file(pod.path, pod.content, mode=0o600)
        elif name == API_SERVER:
            yield pod
        else:
            healthy.append(pod)
    if healthy:
        yield Together(tuple(healthy))


@step("finish/components", on="control-plane", needs_all=BEFORE, timeout=420, expected=1)
def components(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Wait until each control plane's components run"""
    for name in COMPONENTS:
        yield comes_back(name, cluster)
    yield served(cluster)


def comes_back(name: str, cluster: Cluster) -> Wanted:
    """The component runs with its current manifest and is healthy; kubelet gets time to start it."""
    return eventually(f"{name} runs with its manifest", _runs(name, cluster), within=COMES_BACK_WITHIN, every=1)


def _runs(name: str, cluster: Cluster) -> Callable[[Machine], Sight]:
    def look(machine: Machine) -> Sight:
        content = machine.read(f"{MANIFESTS}/{name}.yaml")
        if content is None:
            return Sight(False, f"the manifest of {name} is missing")
        pod = component(name, content, machine, cluster)
        sight = pod.now(machine)
        if not sight.so:
            return sight
        health = sight_of(machine.ask(pod.healthy))
        return health if health.so else replace(health, found=f"{name} is unhealthy: {health.found}")

    return look


def component(name: str, content: bytes, machine: Machine, cluster: Cluster) -> StaticPod:
    """A component of the control plane in its wanted state on a machine."""
    path = f"{MANIFESTS}/{name}.yaml"
    if name != API_SERVER:
        return StaticPod(name, path, content, probe_of(content))
    ready = api_server_is_ready(machine.address, api_port(cluster.document))
    read = (audit.POLICY,) if cluster.document.kubernetes.audit.enabled else ()
    aside = record_of(cluster.document).stood_aside
    return StaticPod(name, path, content, ready, read, lambda here: aside(here, cluster))


def manifests_of_kubeadm(machine: Machine) -> Mapping[str, bytes]:
    """Component -> the manifest that kubeadm would write now.

    kubeadm writes only to kubelet's directory; so it runs in a mount namespace where an empty directory covers that
    one. Raises NotReached with its output.
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
    texts = answer.stdout.split()
    if not answer.ok or len(texts) != len(COMPONENTS):
        raise NotReached(
            f"kubeadm on {machine.name} did not print the control plane's manifests: {' '.join(answer.last_lines(3))}",
            hint=f"Its configuration is {KUBEADM_CONFIG} there.",
        )
    return {name: base64.b64decode(text) for name, text in zip(COMPONENTS, texts, strict=True)}
