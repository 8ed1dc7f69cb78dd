"""kubernetes/proxy: kube-proxy runs on every node with the document's current settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from clusters.catalog.kubeadm.components import proxy_configuration
from clusters.catalog.kubectl import get_objects, kubectl
from clusters.catalog.plugins import node_count
from clusters.catalog.rollout import rollout_of, silent_nodes
from clusters.catalog.steps.kubernetes.stored_configuration import STORED, WANTED, config_map, digest_of
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

SHARE_AT_ONCE = 4
"""One out of this many nodes at a time."""
NAME, KEY = "kube-proxy", "config.conf"
ROLLED = "slipway/config-digest"
"""Annotation of the configuration, and of the pods that must have read it; kubeadm sets it on neither."""


@step(
    "kubernetes/proxy",
    on="first-control-plane",
    needs=("endpoint/kube-proxy",),
    needs_all=("kubernetes/control-plane", "kubernetes/join", "kubernetes/join-control-plane"),
    when=lambda document: not document.kubernetes.disable_kube_proxy,
    timeout=900,
    expected=2,
)
def proxy(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Apply the document to kube-proxy"""
    yield _configured(cluster)
    yield _restarted(cluster)
    yield rollout_of("daemonset", "kube-system", NAME, within=600)


def configuration(cluster: Cluster) -> dict[str, Any]:
    """kube-proxy's configuration with what kubeadm adds to it. Source: kubeadm's defaults of its component configs."""
    ours = proxy_configuration(cluster)
    clients = {"kubeconfig": "/var/lib/kube-proxy/kubeconfig.conf", **(ours.get("clientConnection") or {})}
    return {"bindAddress": "0.0.0.0", **ours, "clientConnection": clients}  # noqa: S104 - every node's own address


def stored_by_kubeadm(cluster: Cluster) -> dict[tuple[str, str], str]:
    """(ConfigMap, key) -> the digest of what the document wants in it."""
    return {(NAME, KEY): digest_of(configuration(cluster))}


def _configured(cluster: Cluster) -> Want:
    wanted = configuration(cluster)

    def look(machine: Machine) -> Sight:
        item = config_map(machine, NAME)
        if item is None:
            return Sight(False, "the ConfigMap kube-proxy is missing")
        notes = item["metadata"].get("annotations", {})
        if notes.get(WANTED) != digest_of(wanted):
            return Sight(False, "it was created from another document")
        changed = notes.get(STORED) != digest_of(item["data"].get(KEY, ""))
        return Sight(not changed, "it was changed by somebody else" if changed else "")

    def act(machine: Machine) -> None:
        if config_map(machine, NAME) is None:
            raise NotReached("The ConfigMap kube-proxy is missing.", hint="Did somebody remove it? Retry the run.")
        text = yaml.safe_dump(wanted, sort_keys=False)
        digest = digest_of(wanted)
        notes = {WANTED: digest, STORED: digest_of(text), ROLLED: digest}
        patch = {"metadata": {"annotations": notes}, "data": {KEY: text}}
        machine.do(kubectl("patch configmap {} -n kube-system --type merge -p {}", NAME, json.dumps(patch)))

    return Wanted("kube-proxy's configuration is the document's", look, act)


def _restarted(cluster: Cluster) -> Want:
    """Its pods were started with this configuration; they restart a few nodes at a time."""

    def digest(item: dict[str, Any] | None) -> str:
        return str((item or {}).get("metadata", {}).get("annotations", {}).get(ROLLED, ""))

    def look(machine: Machine) -> Sight:
        both = get_objects(machine, f"configmap/{NAME}", f"daemonset/{NAME}")
        found = both.get(f"daemonset/{NAME}")
        if found is None:
            return Sight(False, f"the daemonset {NAME} is missing")
        same = digest(found["spec"]["template"]) == digest(both.get(f"configmap/{NAME}"))
        return Sight(same, "" if same else "its pods read another configuration when they started")

    def act(machine: Machine) -> None:
        # Pods of unreachable nodes count as being replaced, and Kubernetes would wait for them forever. A pod takes
        # half a minute to end; its rules stay in the kernel, so several nodes may restart at the same time.
        at_once = max(1, node_count(cluster) // SHARE_AT_ONCE) + len(silent_nodes(machine))
        update = {"rollingUpdate": {"maxUnavailable": at_once}}
        template = {"metadata": {"annotations": {ROLLED: digest(config_map(machine, NAME)) or None}}}
        patch = {"spec": {"updateStrategy": update, "template": template}}
        machine.do(kubectl("patch daemonset {} -n kube-system --type merge -p {}", NAME, json.dumps(patch)))

    return Wanted("kube-proxy's pods run with this configuration", look, act)
