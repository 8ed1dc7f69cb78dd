"""Where kubeadm's API servers find etcd: Slipway's service, an external etcd, or a static pod that kubeadm creates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.catalog.images import image_ref, repository_of
from clusters.catalog.kubeadm.dialect import arguments
from clusters.catalog.paths import ETCD_PKI
from clusters.catalog.steps.etcd import external
from clusters.catalog.steps.etcd.certificates import CLIENT
from clusters.catalog.steps.etcd.start import endpoints
from clusters.config.component_settings.etcd_tuning import flags
from clusters.config.kubernetes_versions import etcd_image, facts_of, parse_version

if TYPE_CHECKING:
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster


def etcd_section(cluster: Cluster) -> dict[str, Any]:
    """The etcd section. File names are the same on every control plane: kubeadm stores one configuration."""
    document = cluster.document
    if document.etcd.type == "kubeadm":
        return {"local": _local(document)}
    if document.etcd.type == "external":
        found: dict[str, Any] = {"endpoints": list(document.etcd.external.endpoints)}
        if external.has_certificates(document):
            found |= {"caFile": external.CA, "certFile": external.CERTIFICATE, "keyFile": external.KEY}
        return {"external": found}
    client = f"{ETCD_PKI}/{CLIENT}"
    return {
        "external": {
            "endpoints": list(_client_urls(cluster)),
            "caFile": f"{ETCD_PKI}/ca.pem",
            "certFile": f"{client}.pem",
            "keyFile": f"{client}-key.pem",
        }
    }


def _client_urls(cluster: Cluster) -> tuple[str, ...]:
    """Where API servers find etcd: the member on their own machine if each of them has one, else every member.

    See docs/decisions/016. kubeadm stores one configuration for all, so they cannot have different endpoints.
    """
    members = {each.name for each in cluster.members("etcd")}
    if members >= {each.name for each in cluster.members("master")}:
        return (f"https://127.0.0.1:{cluster.document.etcd.port}",)
    return endpoints(cluster)


def _local(document: Document) -> dict[str, Any]:
    """etcd as a static pod. The tag is set, because early patches of 1.22 and 1.23 would use one that loses data."""
    version = parse_version(document.kubernetes.version)
    ref = image_ref(document, etcd_image(version))
    repository, tag = repository_of(ref), ref.rpartition(":")[2]
    usual = repository_of(image_ref(document, facts_of(str(version)).pause_image))
    elsewhere = {} if repository == usual else {"imageRepository": repository}
    return {
        **elsewhere,
        "imageTag": tag,
        "dataDir": document.etcd.data_dir,
        "extraArgs": arguments(document, flags(document.etcd)),
    }
