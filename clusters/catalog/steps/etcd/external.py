"""etcd/external: the certificates with which API servers log in to an existing etcd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.paths import ETCD_PKI
from clusters.config.secret import Secret
from clusters.engine.step import step
from clusters.engine.wants import directory, file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

CA, CERTIFICATE, KEY = f"{ETCD_PKI}/external-ca.pem", f"{ETCD_PKI}/external.pem", f"{ETCD_PKI}/external-key.pem"


def has_certificates(document: Document) -> bool:
    """Whether the document uses an external etcd with TLS."""
    external_etcd = document.etcd.external
    return document.etcd.type == "external" and bool(
        external_etcd.ca_file and external_etcd.cert_file and external_etcd.key_file
    )


@step("etcd/external", on="control-plane", needs=("os/claim",), when=has_certificates, expected=1)
def external(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Install the certificates for the external etcd"""
    external_etcd = cluster.document.etcd.external
    key = external_etcd.key_file if isinstance(external_etcd.key_file, Secret) else Secret(external_etcd.key_file)
    machine.keep_secret(key)
    yield directory(ETCD_PKI, mode=0o700)
    yield file(CA, _with_newline(external_etcd.ca_file))
    yield file(CERTIFICATE, _with_newline(external_etcd.cert_file))
    yield file(KEY, Secret(_with_newline(key.reveal())), mode=0o600)


def _with_newline(text: str) -> str:
    return text.strip() + "\n"
