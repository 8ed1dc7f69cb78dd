"""What the cluster itself keeps of kubeadm's configuration, for machines that join and for kubelets that run."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from clusters.catalog.kubeadm.components import kubelet_configuration
from clusters.catalog.kubeadm.documents import cluster_configuration
from clusters.catalog.kubectl import get_object, get_objects, kubectl
from clusters.catalog.paths import BIN, KUBEADM_CONFIG, LOCK
from clusters.config.versions import parse_version
from clusters.engine.wants import NotReached, Sight, Wanted
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

WANTED, STORED = "slipway/wanted-digest", "slipway/stored-digest"
"""Annotations: the digest of what we told kubeadm, and of what kubeadm made of it. When both are as they were, nobody
has changed either; what kubeadm adds by itself need not be known for that."""

CLUSTER = ("kubeadm-config", "ClusterConfiguration")


def kubelet_map(document: Document) -> tuple[str, str]:
    """Name and key of the ConfigMap with kubelet's configuration; up to 1.23 it has the version in its name."""
    minor = parse_version(document.kubernetes.version).minor
    return (f"kubelet-config-1.{minor}" if minor <= 23 else "kubelet-config"), "kubelet"


def configuration_kept(cluster: Cluster) -> Wanted:
    """The cluster keeps the configuration that the document describes; nothing that runs is changed by that."""
    wanted = _wanted(cluster)

    def look(machine: Machine) -> Sight:
        maps = config_maps(machine, *(name for name, _ in wanted))
        sights = (_kept(maps.get(place[0]), place, digest) for place, digest in wanted.items())
        return next((sight for sight in sights if not sight.so), Sight(True))

    def act(machine: Machine) -> None:
        machine.do(sh("flock {} {}/kubeadm init phase upload-config all --config {}", LOCK, BIN, KUBEADM_CONFIG))
        note_what_is_kept(machine, cluster)

    return Wanted("the cluster keeps this configuration for its machines", look, act)


def kubelet_configuration_kept(machine: Machine, cluster: Cluster) -> Sight:
    """Whether what a control plane's cluster keeps for kubelets is what the document describes."""
    place = kubelet_map(cluster.document)
    return _kept(config_map(machine, place[0]), place, _wanted(cluster)[place])


def _kept(item: dict[str, Any] | None, place: tuple[str, str], digest: str) -> Sight:
    name, key = place
    if item is None:
        return Sight(False, f"there is no ConfigMap {name}")
    noted = item["metadata"].get("annotations", {})
    if noted.get(WANTED) != digest:
        return Sight(False, f"{name} was made from another document")
    changed = noted.get(STORED) != digest_of(item["data"].get(key, ""))
    return Sight(not changed, f"somebody else has changed {name}" if changed else "")


def note_what_is_kept(machine: Machine, cluster: Cluster, also: Mapping[tuple[str, str], str] | None = None) -> None:
    """Note on what kubeadm has just stored where it came from; `also` are further (ConfigMap, key) -> digest."""
    wanted = _wanted(cluster) | (also or {})
    maps = config_maps(machine, *(name for name, _ in wanted))
    for (name, key), digest in wanted.items():
        item = maps.get(name)
        if item is None:
            raise NotReached(f"kubeadm stored no ConfigMap {name}.", hint="Retry the run.", retryable=True)
        stored = digest_of(item["data"].get(key, ""))
        notes = (f"{WANTED}={digest}", f"{STORED}={stored}")
        machine.do(kubectl("annotate configmap {} -n kube-system --overwrite {} {}", name, *notes))


def note_what_a_join_stored(machine: Machine, cluster: Cluster) -> None:
    """kubeadm stores its configuration anew when a control plane joins, and adds to it: nobody has changed it then.

    1.20 adds the API server's authorization-mode, as seen on the lab. Only what was made from this document is noted.
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
    """A ConfigMap of kube-system, or None; raises NoAnswer when the API server does not say."""
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
