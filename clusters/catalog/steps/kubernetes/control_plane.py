"""kubernetes/control-plane: control planes that run get what the document says now, one after the other."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from clusters.catalog.kubeadm import audit
from clusters.catalog.kubectl import api_server_is_ready
from clusters.catalog.load_balancers.keepalived import stood_aside
from clusters.catalog.paths import BIN, KUBEADM_CONFIG, KUBELET_CONF, LOCK
from clusters.catalog.staticpod import StaticPod, probe_of
from clusters.catalog.steps.kubernetes.join import all_there, control_plane_files
from clusters.config.topology import api_port
from clusters.engine.step import step
from clusters.engine.wants import NotReached, file
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

MANIFESTS = "/etc/kubernetes/manifests"
COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


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
    if not machine.ask(all_there((KUBELET_CONF, *control_plane_files(cluster)))).ok:
        machine.note(f"{machine.name} is no control plane yet; it joins with what the cluster keeps")
        return
    ready = api_server_is_ready(machine.address, api_port(cluster.document))
    # One that is down is not waited for here, since others wait for this step; the step that joined it sees to it.
    well = machine.ask(ready).ok
    wanted = manifests_of_kubeadm(machine)
    for name in COMPONENTS:
        path, content = f"{MANIFESTS}/{name}.yaml", wanted[name]
        if not well:
            yield file(path, content, mode=0o600)
        elif name == "kube-apiserver":
            read = (audit.POLICY,) if cluster.document.kubernetes.audit.enabled else ()
            yield StaticPod(name, path, content, ready, read, lambda here: stood_aside(here, cluster))
        else:
            yield StaticPod(name, path, content, probe_of(content))


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
