"""The network plugin "kube-router": a daemon on each node announces its pods to the others by BGP, sets routes to
theirs, and keeps network policies with iptables and IP sets. kube-proxy stays; the manifest is our own.

What the daemon reads and needs: cloudnativelabs/kube-router v2.1.0, docs/user-guide.md, docs/ipv6.md, docs/tunnels.md,
docs/health.md; the ports it opens and what it asks the API server for: `pkg/cmd/kube-router.go` and
`pkg/controllers/routing/network_routes_controller.go`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clusters.catalog.manifests import applied_objects
from clusters.catalog.plugins import (
    AFTER,
    Between,
    Needs,
    Plugin,
    adapt_objects,
    nodes_ready,
    pod_networks,
    service_networks,
)
from clusters.catalog.rollout import rollout_of
from clusters.config.plugins import plugin_version
from clusters.config.plugins.kube_router import BGP_PORT, GRPC_PORT, HEALTH_PORT
from clusters.engine.step import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.catalog.manifests import Object
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

NAME = "kube-router"
NAMESPACE = "kube-system"
SETTINGS = "kube-router-cfg"
SELECTOR = {"k8s-app": NAME}
LABELS = {**SELECTOR, "app.kubernetes.io/managed-by": "slipway"}
CNI_CONFIG = "/etc/cni/net.d/10-kuberouter.conflist"
WANTED, KEPT = "/etc/kube-router/cni-conf.json", "/var/lib/kube-router/cni-conf.json"


def images(document: Document) -> tuple[str, ...]:
    """One image is all of it; Slipway puts the CNI programs that it uses on every node."""
    return (f"docker.io/cloudnativelabs/kube-router:{plugin_version(NAME, document.kubernetes.version)}",)


def needs(document: Document, machine: str) -> Needs:
    """What the plugin needs of the machine of that name."""
    options, both = document.network.kube_router, all(pod_networks(document))
    tunnels: tuple[str, ...] = ()
    if options.enable_overlay:
        tunnels = ("ipip", "ip6_tunnel") if both else ("ipip",)
    in_udp = options.enable_overlay and options.overlay_encap == "fou"
    if in_udp:
        tunnels += ("fou", "fou6") if both else ("fou",)
    metrics = (options.metrics_port,) if options.metrics_port else ()
    return Needs(
        tcp=(BGP_PORT, HEALTH_PORT, GRPC_PORT, *metrics),
        udp=(options.overlay_encap_port,) if in_udp else (),
        modules=("ip_set", *tunnels),
    )


PLUGIN = Plugin(
    NAME,
    images=images,
    needs=needs,
    between=lambda document: Between(nodes=(BGP_PORT,)),
    sends_directly=lambda document: not document.network.kube_router.enable_overlay,
    # Its tunnels; its bridge is called kube-bridge, as other interfaces of clusters begin, too.
    interfaces=("tun-",),
)


@step(
    "network/kube-router",
    on="first-control-plane",
    needs_all=AFTER,
    when=PLUGIN.chosen,
    timeout=900,
    expected=40,
)
def kube_router(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Connect pods with kube-router"""
    yield applied_objects(NAME, lambda here: adapt_objects(cluster.document, objects(cluster.document)))
    yield rollout_of("daemonset", NAMESPACE, NAME)
    yield nodes_ready(cluster)


def objects(document: Document) -> list[Object]:
    """All that kube-router is in the cluster."""
    settings = {"cni-conf.json": cni_configuration(document)}
    return [
        _object("v1", "ServiceAccount", NAME),
        _object("rbac.authorization.k8s.io/v1", "ClusterRole", NAME, namespaced=False) | {"rules": RULES},
        _object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", NAME, namespaced=False)
        | {
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        },
        _object("v1", "ConfigMap", SETTINGS) | {"data": settings},
        _object("apps/v1", "DaemonSet", NAME)
        | {
            "spec": {
                "selector": {"matchLabels": SELECTOR},
                "template": {
                    # The configuration is put on a node when its pod starts: another one is another template.
                    "metadata": {"labels": LABELS, "annotations": {"slipway/settings": json.dumps(settings)}},
                    "spec": _pod(document),
                },
            }
        },
    ]


def cni_configuration(document: Document) -> str:
    """How containerd connects a pod. The daemon adds the node's own networks, and an MTU that it has found out."""
    bridge: dict[str, Any] = {
        "type": "bridge",
        "bridge": "kube-bridge",
        "isDefaultGateway": True,
        # A pod that calls its own service gets its packets back.
        "hairpinMode": True,
        "ipam": {"type": "host-local"},
    }
    if document.network.kube_router.mtu:
        bridge["mtu"] = document.network.kube_router.mtu
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": NAME, "plugins": [bridge, ports]}, indent=2)


def arguments(document: Document) -> list[str]:
    """The daemon's flags. Those that have two families get both networks."""
    options = document.network.kube_router
    values: dict[str, bool | int | str] = {
        "run-router": True,
        "run-firewall": options.run_firewall,
        "run-service-proxy": False,
        "enable-ipv4": bool(pod_networks(document)[0]),
        "enable-ipv6": bool(pod_networks(document)[1]),
        "enable-overlay": options.enable_overlay,
        "overlay-type": options.overlay_type,
        "overlay-encap": options.overlay_encap,
        "overlay-encap-port": options.overlay_encap_port,
        "nodes-full-mesh": options.nodes_full_mesh,
        "cluster-asn": options.cluster_asn,
        "bgp-graceful-restart": options.bgp_graceful_restart,
        "enable-pod-egress": options.enable_pod_egress,
        "auto-mtu": not options.mtu,
        "health-port": HEALTH_PORT,
        "metrics-port": options.metrics_port,
    }
    flags = [f"--{name}={str(value).lower()}" for name, value in values.items()]
    return flags + [f"--service-cluster-ip-range={each}" for each in service_networks(document) if each]


def _object(api: str, kind: str, name: str, *, namespaced: bool = True) -> Object:
    metadata: dict[str, Any] = {"name": name, "labels": LABELS}
    if namespaced:
        metadata["namespace"] = NAMESPACE
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def _pod(document: Document) -> dict[str, Any]:
    (image,) = images(document)
    return {
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
        "serviceAccountName": NAME,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        # It makes nodes ready, so it has to run where nothing else may.
        "tolerations": [{"operator": "Exists"}],
        "initContainers": [_install_configuration(image)],
        "containers": [_daemon(document, image)],
        "volumes": [
            {"name": "configuration", "hostPath": {"path": "/etc/cni/net.d", "type": "DirectoryOrCreate"}},
            {"name": "kept", "hostPath": {"path": "/var/lib/kube-router", "type": "DirectoryOrCreate"}},
            {"name": "settings", "configMap": {"name": SETTINGS}},
            {"name": "modules", "hostPath": {"path": "/lib/modules", "type": ""}},
            {"name": "lock", "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}},
        ],
    }


def _install_configuration(image: str) -> dict[str, Any]:
    """The daemon writes into the same file, so it is replaced only when another one is wanted than the last time."""
    script = (
        f"if [ ! -s {CNI_CONFIG} ] || ! cmp -s {WANTED} {KEPT}; then"
        f" cp {WANTED} {CNI_CONFIG}.new && mv {CNI_CONFIG}.new {CNI_CONFIG} && cp {WANTED} {KEPT}; fi"
    )
    mounts = {"configuration": "/etc/cni/net.d", "settings": "/etc/kube-router", "kept": "/var/lib/kube-router"}
    return {
        "name": "install-configuration",
        "image": image,
        "command": ["/bin/sh", "-c", script],
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in mounts.items()],
    }


def _daemon(document: Document, image: str) -> dict[str, Any]:
    health = {"httpGet": {"path": "/healthz", "port": HEALTH_PORT}}
    return {
        "name": NAME,
        "image": image,
        "args": arguments(document),
        "env": [
            {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "KUBE_ROUTER_CNI_CONF_FILE", "value": CNI_CONFIG},
        ],
        "livenessProbe": {**health, "initialDelaySeconds": 10, "periodSeconds": 3},
        "readinessProbe": {**health, "periodSeconds": 3},
        "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}},
        # It sets the kernel's settings and loads its modules.
        "securityContext": {"privileged": True},
        "volumeMounts": [
            {"name": "configuration", "mountPath": "/etc/cni/net.d"},
            {"name": "modules", "mountPath": "/lib/modules", "readOnly": True},
            {"name": "lock", "mountPath": "/run/xtables.lock"},
        ],
    }


_READ = ["get", "list", "watch"]
RULES = [
    {"apiGroups": [""], "resources": ["endpoints", "namespaces", "nodes", "pods", "services"], "verbs": _READ},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": _READ},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": _READ},
]
"""What the daemon may do: read. It changes nothing in the cluster while it gives out no addresses of load balancers."""
