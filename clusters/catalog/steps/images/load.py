"""images/load: the images of Kubernetes itself, before kubeadm needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog import runtimes
from clusters.config.kubernetes_versions import NODE_DNS_IMAGE, etcd_image, facts_of
from clusters.engine.step import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


@step("images/load", on="kubernetes", needs=runtimes.STEPS, timeout=1800, expected=15)
def load(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Load or pull the images of Kubernetes"""
    for ref in wanted_images(cluster.document, control_plane="master" in machine.roles):
        yield runtimes.image_there(machine, cluster, ref)


def wanted_images(document: Document, *, control_plane: bool) -> tuple[str, ...]:
    """The images a node of that kind needs. Source: `kubeadm config images list` of each version."""
    facts = facts_of(document.kubernetes.version)
    if control_plane:
        # kubeadm requires kube-proxy's image before it starts a control plane, even where it starts no kube-proxy.
        names: tuple[str, ...] = (*CONTROL_PLANE, "kube-proxy")
    else:
        names = () if document.kubernetes.disable_kube_proxy else ("kube-proxy",)
    images = [f"{facts.image_repository}/{name}:{facts.version}" for name in names]
    if control_plane and document.etcd.type == "kubeadm":
        images.append(etcd_image(facts.version))
    if document.kubernetes.nodelocaldns:
        images.append(NODE_DNS_IMAGE)
    return (facts.pause_image, *images, facts.coredns_image)
