"""kubernetes/dns, kubernetes/node-dns: CoreDNS's placement and Corefile, and a DNS cache on each node."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from clusters.catalog import dns_pods
from clusters.catalog.corefile import HEALTH_PORT, cluster_corefile, node_corefile
from clusters.catalog.images import image_ref
from clusters.catalog.kubectl import get_object, kubectl
from clusters.config.kubernetes_versions import NODE_DNS_IMAGE
from clusters.config.schema import Dns
from clusters.config.topology import NODE_DNS_ADDRESS
from clusters.engine.step import step
from clusters.engine.wants import Sight, Wanted, directory, eventually, file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

MANIFEST = "/etc/slipway/node-dns.json"
APPLIED = "slipway/manifest-digest"


def has_settings(document: Document) -> bool:
    """Whether the document has settings for CoreDNS that kubeadm's own Corefile does not have."""
    return bool(document.dns.dns_etc_hosts.strip()) or document.dns.coredns != Dns().coredns


def has_node_cache(document: Document) -> bool:
    """Whether the document uses a DNS cache on each node."""
    return bool(document.kubernetes.nodelocaldns)


@step(
    "kubernetes/dns",
    on="first-control-plane",
    needs=("kubernetes/init",),
    needs_all=("kubernetes/control-plane",),
    expected=1,
)
def dns(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Configure the cluster's DNS"""
    yield dns_pods.placement_and_probe()
    if has_settings(cluster.document):
        yield _corefile(cluster)


def _corefile(cluster: Cluster) -> Wanted:
    wanted = cluster_corefile(cluster.document)

    def look(here: Machine) -> Sight:
        found = get_object(here, "configmap", "coredns")
        if found is None:
            return Sight(False, "the ConfigMap coredns is missing")
        now = found.get("data", {}).get("Corefile", "")
        return Sight(now == wanted, "" if now == wanted else "CoreDNS has another Corefile")

    def act(here: Machine) -> None:
        # CoreDNS reloads it by itself (its plugin "reload"), within a minute and without losing a query.
        patch = json.dumps({"data": {"Corefile": wanted}})
        here.do(kubectl("patch configmap coredns -n kube-system --type merge -p {}", patch))

    return Wanted("CoreDNS has the document's Corefile", look, act)


@step(
    "kubernetes/node-dns",
    on="first-control-plane",
    needs=("kubernetes/init",),
    needs_all=("kubernetes/control-plane",),
    when=has_node_cache,
    expected=2,
)
def node_dns(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Deploy a DNS cache to each node"""
    text = manifest(cluster.document)
    digest = hashlib.sha256(text.encode()).hexdigest()
    yield directory("/etc/slipway")
    yield file(MANIFEST, text)

    def look(here: Machine) -> Sight:
        found = get_object(here, "daemonset", "nodelocaldns")
        if found is None:
            return Sight(False, "the daemonset nodelocaldns is missing")
        now = found["metadata"].get("annotations", {}).get(APPLIED, "")
        return Sight(now == digest, "" if now == digest else "it was created from another manifest")

    def act(here: Machine) -> None:
        here.do(kubectl("apply -f {}", MANIFEST))
        here.do(kubectl("annotate daemonset nodelocaldns -n kube-system --overwrite {}", f"{APPLIED}={digest}"))

    yield Wanted("the DNS cache of the nodes is in the cluster", look, act)


@step(
    "finish/node-dns",
    on="first-control-plane",
    needs=("kubernetes/node-dns", "finish/ready"),
    when=has_node_cache,
    timeout=300,
    expected=3,
)
def node_dns_runs(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Wait until the DNS cache runs on every node"""

    def runs(here: Machine) -> Sight:
        found = get_object(here, "daemonset", "nodelocaldns")
        if found is None:
            return Sight(False, "the daemonset nodelocaldns is missing")
        status = found.get("status", {})
        has, wants = status.get("numberReady", 0), status.get("desiredNumberScheduled", 0)
        return Sight(has >= wants > 0, f"it is ready on {has} of {wants} nodes")

    yield eventually("the DNS cache is ready on every node", runs, within=180, every=1)


def manifest(document: Document) -> str:
    """Account, Corefile and DaemonSet as one list."""
    corefile = node_corefile(document)
    names = {"name": "nodelocaldns", "namespace": "kube-system", "labels": {"k8s-app": "nodelocaldns"}}
    items = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": names},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": names, "data": {"Corefile": corefile}},
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": names, "spec": _daemon_set(document, corefile)},
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2) + "\n"


def _daemon_set(document: Document, corefile: str) -> dict[str, Any]:
    labels = {"k8s-app": "nodelocaldns"}
    probe = {
        "httpGet": {"host": NODE_DNS_ADDRESS, "path": "/health", "port": HEALTH_PORT},
        "timeoutSeconds": 5,
        "failureThreshold": 10,
    }
    container = {
        "name": "node-cache",
        "image": image_ref(document, NODE_DNS_IMAGE),
        "imagePullPolicy": "IfNotPresent",
        "args": ["-localip", NODE_DNS_ADDRESS, "-conf", "/etc/coredns/Corefile"],
        "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
        "resources": {"requests": {"cpu": "25m", "memory": "32Mi"}},
        "livenessProbe": probe,
        "readinessProbe": probe,
        "volumeMounts": [
            {"name": "corefile", "mountPath": "/etc/coredns"},
            {"name": "xtables-lock", "mountPath": "/run/xtables.lock"},
        ],
    }
    digest = hashlib.sha256(corefile.encode()).hexdigest()
    return {
        "selector": {"matchLabels": labels},
        # A node without its cache has no DNS, so the update goes node by node.
        "updateStrategy": {"rollingUpdate": {"maxUnavailable": 1}},
        "template": {
            "metadata": {"labels": labels, "annotations": {"slipway/config-digest": digest}},
            "spec": {
                "hostNetwork": True,
                "dnsPolicy": "Default",
                "priorityClassName": "system-node-critical",
                "serviceAccountName": "nodelocaldns",
                "terminationGracePeriodSeconds": 5,
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "tolerations": [{"operator": "Exists"}],
                "containers": [container],
                "volumes": [
                    {"name": "corefile", "configMap": {"name": "nodelocaldns"}},
                    {"name": "xtables-lock", "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}},
                ],
            },
        },
    }
