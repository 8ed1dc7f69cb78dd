"""resolv_conf_of(): the file from which a machine's kubelet takes the name servers of its pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.kubeadm.dialect import parsed
from clusters.remote.facts import RESOLV_CONF, RESOLVED_CONF

if TYPE_CHECKING:
    from clusters.config.schema import Document
    from clusters.remote.facts import MachineFacts


def configured_resolv_conf(document: Document) -> str | None:
    """The file that the document sets for the kubelet; arguments override the configuration."""
    kubernetes = document.kubernetes
    configured = parsed(kubernetes.kubelet_args).get("resolv-conf", kubernetes.kubelet_configuration.get("resolvConf"))
    return configured if isinstance(configured, str) else None


def resolv_conf_of(facts: MachineFacts, document: Document) -> str:
    """The document's file, else the one with the servers behind systemd-resolved where that runs on this machine.

    Old releases of kubeadm (seen with 1.20) store the file of the first control plane in the cluster's configuration,
    for every machine. A kubelet starts no pod without its file.
    """
    configured = configured_resolv_conf(document)
    if configured is not None:
        return configured
    return RESOLVED_CONF if facts.resolved else RESOLV_CONF
