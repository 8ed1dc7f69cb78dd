"""Rules on the kubernetes, etcd and metadata sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config import versions
from clusters.config.finding import error
from clusters.config.rules.registry import rule
from clusters.config.syntax import NAME_RULE, address_of, did_you_mean, is_domain, tidied
from clusters.config.yamltree import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

PROXY_MODES = ("iptables", "ipvs")
CONTAINER_MANAGERS = ("containerd",)
CONTAINER_MANAGERS_LATER = ("docker", "crio", "isula")
ETCD_TYPES = ("kubekey",)
ETCD_TYPES_LATER = ("kubeadm", "external")

_PATH = "spec.kubernetes"


@rule
def cluster_name(document: Document) -> Iterator[Finding]:
    """The file's and the cluster's names, and the cluster's domain, are DNS names."""
    names = (
        ("cluster.name", "metadata.name", document.name, "sample"),
        ("kubernetes.cluster_name", f"{_PATH}.clusterName", document.kubernetes.cluster_name, "cluster.local"),
        ("kubernetes.dns_domain", f"{_PATH}.dnsDomain", document.kubernetes.dns_domain, "cluster.local"),
    )
    for id, path, text, usual in names:
        if not text:
            yield error(f"{id}_missing", path, "There is no name here.", hint=f"{usual} is usual.")
        elif not is_domain(text):
            better = tidied(text)
            meant = f"Did you mean {better}? " if better else ""
            yield error(f"{id}_syntax", path, f"{shown(text)} is no domain name.", hint=f"{meant}{NAME_RULE}")


@rule
def version(document: Document) -> Iterator[Finding]:
    """The Kubernetes version is one that exists and can be planned."""
    text = document.kubernetes.version
    if not versions.is_known(text):
        yield error(
            "kubernetes.version_unknown",
            f"{_PATH}.version",
            f"Kubernetes {shown(text)} is not known; known are {versions.OLDEST} to {versions.NEWEST}.",
            hint=f"Did you mean {versions.nearest(text)}?",
        )


@rule
def proxy_mode(document: Document) -> Iterator[Finding]:
    """kube-proxy's mode is one of those it has."""
    text = document.kubernetes.proxy_mode
    if text not in PROXY_MODES:
        hint = did_you_mean(text, PROXY_MODES)
        path = f"{_PATH}.proxyMode"
        yield error("kubernetes.proxy_mode_unknown", path, f"kube-proxy has no mode {shown(text)}.", hint=hint)


@rule
def container_manager(document: Document) -> Iterator[Finding]:
    """The container manager is containerd, the one that is built."""
    text, path = document.kubernetes.container_manager, f"{_PATH}.containerManager"
    if text in CONTAINER_MANAGERS_LATER:
        hint = "Take containerd; images are the same."
        yield error("kubernetes.container_manager_not_built", path, f"{text} is not built yet.", hint=hint)
    elif text not in CONTAINER_MANAGERS:
        hint = did_you_mean(text, (*CONTAINER_MANAGERS, *CONTAINER_MANAGERS_LATER))
        yield error("kubernetes.container_manager_unknown", path, f"{shown(text)} is no container manager.", hint=hint)


@rule
def pods_per_node(document: Document) -> Iterator[Finding]:
    """A node's part of the pod network has an address for every pod."""
    mask, pods = document.kubernetes.node_cidr_mask_size, document.kubernetes.max_pods
    if not 8 <= mask <= 30:
        path = f"{_PATH}.nodeCidrMaskSize"
        yield error("kubernetes.mask_range", path, f"A mask of {mask} bits; allowed are 8 to 30.", hint="24 is usual.")
        return
    room = 2 ** (32 - mask) - 2
    if pods < 1:
        yield error(
            "kubernetes.max_pods_range", f"{_PATH}.maxPods", f"{pods} pods for each node; at least 1 is needed."
        )
    elif pods > room:
        yield error(
            "kubernetes.max_pods_too_many",
            f"{_PATH}.maxPods",
            f"{pods} pods for each node, but a /{mask} has only {room} addresses.",
            hint=f"Lower maxPods to {room} or nodeCidrMaskSize to {max(8, 32 - (pods + 1).bit_length())}.",
        )


@rule
def extra_sans(document: Document) -> Iterator[Finding]:
    """Extra names in the API server's certificate are names or addresses."""
    for index, text in enumerate(document.kubernetes.apiserver_cert_extra_sans):
        if address_of(text) is None and not is_domain(text.removeprefix("*.")):
            path = f"{_PATH}.apiserverCertExtraSans.{index}"
            yield error("kubernetes.san_syntax", path, f"{shown(text)} is neither a domain name nor an IP address.")


@rule
def etcd(document: Document) -> Iterator[Finding]:
    """etcd is installed by Slipway itself, on ports and in a directory it can have."""
    section = document.etcd
    if section.type in ETCD_TYPES_LATER:
        hint = "Take kubekey: etcd as a service of its own."
        yield error("etcd.type_not_built", "spec.etcd.type", f"etcd as {section.type} is not built yet.", hint=hint)
    elif section.type not in ETCD_TYPES:
        hint = did_you_mean(section.type, (*ETCD_TYPES, *ETCD_TYPES_LATER))
        yield error("etcd.type_unknown", "spec.etcd.type", f"{shown(section.type)} is no type of etcd.", hint=hint)
    for key, port in (("port", section.port), ("peerPort", section.peer_port)):
        if not 1 <= port <= 65535:
            yield error("etcd.port_range", f"spec.etcd.{key}", f"Port {port} does not exist; allowed are 1 to 65535.")
    if section.port == section.peer_port:
        yield error("etcd.ports_same", "spec.etcd.peerPort", f"Clients and peers cannot both use port {section.port}.")
    if not section.data_dir.startswith("/") or section.data_dir.rstrip("/") == "" or ".." in section.data_dir:
        hint = "An absolute path like /var/lib/etcd."
        found = shown(section.data_dir)
        yield error("etcd.data_dir", "spec.etcd.dataDir", f"etcd cannot keep its data in {found}.", hint=hint)
