"""The network plugin "flannel": a daemon on each node carries pods' packets to other nodes; the manifest is our own.

The daemon's settings and requirements are documented by flannel-io/flannel (Documentation/configuration.md,
backends.md).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clusters.catalog.manifests import applied_objects
from clusters.catalog.networks.needs import LINUX_VXLAN
from clusters.catalog.plugins import AFTER, Needs, Plugin, adapt_objects, nodes_ready, pod_networks
from clusters.catalog.rollout import rollout_of
from clusters.config.plugins import plugin_version
from clusters.engine.step import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.catalog.manifests import Object
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

NAMESPACE = "kube-flannel"
NAME = "flannel"
WORKLOAD = "kube-flannel-ds"
LABELS = {"app": "flannel", "app.kubernetes.io/managed-by": "slipway"}
CNI_CONFIG = "10-flannel.conflist"
CNI_PLUGIN = "v1.8.0-flannel1"
"""The release of the CNI program that Flannel 0.27.4 names in its own manifest."""


def images(document: Document) -> tuple[str, ...]:
    """The daemon, and the program that containerd calls for a pod."""
    version = plugin_version(NAME, document.kubernetes.version)
    return (f"ghcr.io/flannel-io/flannel:{version}", f"ghcr.io/flannel-io/flannel-cni-plugin:{CNI_PLUGIN}")


def needs(document: Document, machine: str) -> Needs:
    """What the plugin needs of the machine of that name."""
    both = all(pod_networks(document))
    return {
        "vxlan": Needs(udp=(LINUX_VXLAN,), modules=("vxlan",)),
        "ipip": Needs(modules=("ipip",)),
        # Each IP family has a separate tunnel.
        "wireguard": Needs(udp=(51820, 51821) if both else (51820,), modules=("wireguard",)),
    }.get(document.network.flannel.backend_mode, Needs())


PLUGIN = Plugin(
    NAME,
    images=images,
    needs=needs,
    sends_directly=lambda document: document.network.flannel.backend_mode == "host-gw",
    interfaces=("flannel",),
)


@step(
    "network/flannel",
    on="first-control-plane",
    needs_all=AFTER,
    when=PLUGIN.chosen,
    timeout=900,
    expected=40,
)
def flannel(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Connect pods with Flannel"""
    yield applied_objects(NAME, lambda here: adapt_objects(cluster.document, objects(cluster.document)))
    yield rollout_of("daemonset", NAMESPACE, WORKLOAD)
    yield nodes_ready(cluster)


def objects(document: Document) -> list[Object]:
    """All of Flannel's objects in the cluster."""
    return [
        _object("v1", "Namespace", NAMESPACE, namespaced=False, labels=PRIVILEGED),
        _object("v1", "ServiceAccount", NAME),
        _object("rbac.authorization.k8s.io/v1", "ClusterRole", NAME, namespaced=False) | {"rules": RULES},
        _object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", NAME, namespaced=False)
        | {
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        },
        _object("v1", "ConfigMap", "kube-flannel-cfg") | {"data": settings(document)},
        _object("apps/v1", "DaemonSet", WORKLOAD)
        | {
            "spec": {
                "selector": {"matchLabels": {"app": "flannel"}},
                "template": {
                    # A daemon reads its settings when it starts: changed settings have to change the template.
                    "metadata": {"labels": LABELS, "annotations": {"slipway/settings": json.dumps(settings(document))}},
                    "spec": _pod(document),
                },
            }
        },
    ]


def settings(document: Document) -> dict[str, str]:
    """The daemon's settings and the CNI configuration that its pods copy to each node."""
    ipv4, ipv6 = pod_networks(document)
    flannel = document.network.flannel
    backend: dict[str, Any] = {"Type": flannel.backend_mode}
    if flannel.direct_routing:
        backend["DirectRouting"] = True
    net: dict[str, Any] = {"Network": ipv4, "Backend": backend}
    if ipv6:
        net |= {"EnableIPv6": True, "IPv6Network": ipv6}
    cni = {
        "name": "cbr0",
        "cniVersion": "0.3.1",
        "plugins": [
            {"type": "flannel", "delegate": {"hairpinMode": True, "isDefaultGateway": True}},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
    return {"cni-conf.json": json.dumps(cni, indent=2), "net-conf.json": json.dumps(net, indent=2)}


def _object(api: str, kind: str, name: str, *, namespaced: bool = True, labels: dict[str, str] | None = None) -> Object:
    metadata: dict[str, Any] = {"name": name, "labels": {**LABELS, **(labels or {})}}
    if namespaced:
        metadata["namespace"] = NAMESPACE
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def _pod(document: Document) -> dict[str, Any]:
    daemon, program = images(document)
    return {
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
        "serviceAccountName": NAME,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        # It makes nodes ready, so it must run on nodes that are not.
        "tolerations": [{"operator": "Exists"}],
        "initContainers": [
            _copy("install-program", program, "/flannel", "/opt/cni/bin/flannel", {"programs": "/opt/cni/bin"}),
            _copy(
                "install-configuration",
                daemon,
                "/etc/kube-flannel/cni-conf.json",
                f"/etc/cni/net.d/{CNI_CONFIG}",
                {"configuration": "/etc/cni/net.d", "settings": "/etc/kube-flannel"},
            ),
        ],
        "containers": [_daemon(daemon)],
        "volumes": [
            {"name": "run", "hostPath": {"path": "/run/flannel", "type": "DirectoryOrCreate"}},
            {"name": "programs", "hostPath": {"path": "/opt/cni/bin", "type": "DirectoryOrCreate"}},
            {"name": "configuration", "hostPath": {"path": "/etc/cni/net.d", "type": "DirectoryOrCreate"}},
            {"name": "settings", "configMap": {"name": "kube-flannel-cfg"}},
            {"name": "lock", "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}},
        ],
    }


def _daemon(image: str) -> dict[str, Any]:
    return {
        "name": "kube-flannel",
        "image": image,
        "command": ["/opt/bin/flanneld"],
        # Without an interface, the daemon uses the one of the default route.
        "args": ["--ip-masq", "--kube-subnet-mgr", "--iface=$(NODE_ADDRESS)"],
        "resources": {"requests": {"cpu": "100m", "memory": "50Mi"}},
        "securityContext": {"privileged": False, "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "NODE_ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
            # How many changes of nodes may wait; the daemon's own default is the same.
            {"name": "EVENT_QUEUE_DEPTH", "value": "5000"},
        ],
        "volumeMounts": [
            {"name": "run", "mountPath": "/run/flannel"},
            {"name": "settings", "mountPath": "/etc/kube-flannel"},
            {"name": "lock", "mountPath": "/run/xtables.lock"},
        ],
    }


def _copy(name: str, image: str, source: str, target: str, mounts: dict[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "command": ["cp"],
        "args": ["-f", source, target],
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in mounts.items()],
    }


PRIVILEGED = {"pod-security.kubernetes.io/enforce": "privileged"}
"""Pod security admission (from 1.23 on) lets the daemon use the node's network."""

RULES = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch"]},
]
"""The daemon's permissions: find its node, watch the others, and record on its node how to reach it."""
