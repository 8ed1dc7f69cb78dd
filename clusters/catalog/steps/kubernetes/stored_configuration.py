"""kubeadm's configuration as the cluster itself stores it, for machines that join and for running kubelets."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from clusters.catalog.kubeadm.components import kubelet_configuration
from clusters.catalog.kubeadm.documents import cluster_configuration
from clusters.catalog.kubectl import get_object, get_objects, kubectl
from clusters.catalog.paths import BIN, KUBEADM_CONFIG, LOCK
from clusters.config.kubernetes_versions import parse_version
from clusters.engine.wants import NotReached, Sight, Wanted
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

WANTED, STORED = "slipway/wanted-digest", "slipway/stored-digest"
"""Annotations: the digest of the configuration that kubeadm got, and of the one that it stored. If both are unchanged,
nobody has changed either; this works without knowing what kubeadm adds by itself."""

CLUSTER = ("kubeadm-config", "ClusterConfiguration")


def kubelet_map(document: Document) -> tuple[str, str]:
    """Name and key of the ConfigMap with kubelet's configuration; up to 1.23 it has the version in its name."""
    minor = parse_version(document.kubernetes.version).minor
    return (f"kubelet-config-1.{minor}" if minor <= 23 else "kubelet-config"), "kubelet"


def stored_configuration(cluster: Cluster) -> Wanted:
    """The cluster stores the configuration that the document describes; this changes no running component."""
    wanted = _wanted(cluster)

    def look(machine: Machine) -> Sight:
        maps = config_maps(machine, *(name for name, _ in wanted))
        sights = (_compare(maps.get(place[0]), place, digest) for place, digest in wanted.items())
        return next((sight for sight in sights if not sight.so), Sight(True))

    def act(machine: Machine) -> None:
        machine.do(sh("flock {} {}/kubeadm init phase upload-config all --config {}", LOCK, BIN, KUBEADM_CONFIG))
        annotate_stored_configuration(machine, cluster)

    return Wanted("the cluster stores this configuration for its machines", look, act)


def stored_kubelet_configuration(machine: Machine, cluster: Cluster) -> Sight:
    """Whether the kubelet configuration stored in the cluster is the one that the document describes."""
    place = kubelet_map(cluster.document)
    return _compare(config_map(machine, place[0]), place, _wanted(cluster)[place])


def _compare(item: dict[str, Any] | None, place: tuple[str, str], digest: str) -> Sight:
    name, key = place
    if item is None:
        return Sight(False, f"the ConfigMap {name} is missing")
    notes = item["metadata"].get("annotations", {})
    if notes.get(WANTED) != digest:
        return Sight(False, f"{name} was created from another document")
    changed = notes.get(STORED) != digest_of(item["data"].get(key, ""))
    return Sight(not changed, f"{name} was changed by somebody else" if changed else "")


def annotate_stored_configuration(
    machine: Machine, cluster: Cluster, also: Mapping[tuple[str, str], str] | None = None
) -> None:
    """Annotate what kubeadm has just stored with its origin; `also` are further (ConfigMap, key) -> digest."""
    wanted = {**_wanted(cluster), **(also or {})}
    maps = config_maps(machine, *(name for name, _ in wanted))
    for (name, key), digest in wanted.items():
        item = maps.get(name)
        if item is None:
            raise NotReached(f"kubeadm did not store the ConfigMap {name}.", hint="Retry the run.", retryable=True)
        stored = digest_of(item["data"].get(key, ""))
        notes = (f"{WANTED}={digest}", f"{STORED}={stored}")
        machine.do(kubectl("annotate configmap {} -n kube-system --overwrite {} {}", name, *notes))


def annotate_after_join(machine: Machine, cluster: Cluster) -> None:
    """kubeadm stores its configuration again when a control plane joins, and adds to it: that is not a foreign change.

    1.20 adds the API server's authorization-mode, as seen in the lab. Only a configuration that was created from this
    document is annotated.
    """
    for (name, key), digest in _wanted(cluster).items():
        item = config_map(machine, name)
        if item is not None and item["metadata"].get("annotations", {}).get(WANTED) == digest:
            note = f"{STORED}={digest_of(item['data'].get(key, ''))}"
            machine.do(kubectl("annotate configmap {} -n kube-system --overwrite {}", name, note))


def config_maps(machine: Machine, *names: str) -> dict[str, dict[str, Any]]:
    """The ConfigMaps of kube-system with these names, by name, in one question; raises NoAnswer without an answer."""
    found = get_objects(machine, *(f"configmap/{name}" for name in names))
    return {item["metadata"]["name"]: item for item in found.values()}


def config_map(machine: Machine, name: str) -> dict[str, Any] | None:
    """A ConfigMap of kube-system, or None; raises NoAnswer when the API server does not answer."""
    return get_object(machine, "configmap", name)


def digest_of(value: Any) -> str:
    """A digest of text or of plain data, whatever the order of its keys."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _wanted(cluster: Cluster) -> dict[tuple[str, str], str]:
    return {
        CLUSTER: digest_of(cluster_configuration(cluster)),
        kubelet_map(cluster.document): digest_of(kubelet_configuration(cluster)),
    }
