"""etcd.external: an etcd that is there already listens, and what the document gives to log in with fits together."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from clusters.addresses import read_address
from clusters.catalog.reach import dialled
from clusters.catalog.steps.etcd.external import has_certificates
from clusters.config.matrix import dotted, numbers, oldest_etcd
from clusters.config.secret import Secret
from clusters.config.versions import parse_version
from clusters.engine.check import error, precheck, warning
from clusters.remote.dial import Answer
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.config.sections.etcd import ExternalEtcd
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

USUAL_PORTS = {"http": 80, "https": 443}

_ASK = (
    r"""exec 3<>"/dev/tcp/$1/$2" && printf 'GET /version HTTP/1.0\r\nHost: %s\r\n\r\n' "$1" >&3 && timeout 3 cat <&3"""
)
_SAYS = re.compile(r'"etcdserver"\s*:\s*"([^"]+)"')
"""In what /version answers. Source: etcd 3.7.0, asked this way."""


def is_external(document: Document) -> bool:
    """Whether API servers are to use an etcd that is there already."""
    return document.etcd.type == "external"


@precheck(
    "etcd.external",
    on="control-plane",
    when=is_external,
    fix="Start the members, open the way to them from every control plane, and give endpoints, certificate and key as "
    "etcd's own tools take them (etcdctl endpoint health).",
)
def etcd_external(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The external etcd listens, and its certificates and version fit"""
    given = cluster.document.etcd.external
    if has_certificates(cluster.document) and (why := _unfit(given)):
        yield error(f"The external etcd cannot be logged in to: {why}.")
    places = {url: place for url in given.endpoints if (place := _place(url)) is not None}
    yield from (error(f"{url} is not an address of an etcd.") for url in given.endpoints if url not in places)
    dials = dialled(machine, list(dict.fromkeys(places.values())))
    if dials is None:
        machine.note("not tried: the machine has no bash that opens connections")
        return
    listening = [dial for dial in dials if dial.answer is Answer.CONNECTED]
    # Where some listen it may be that they are enough; one of which nothing is heard is told all the same.
    say = warning if listening else error
    for dial in dials:
        if dial.answer not in (Answer.CONNECTED, Answer.UNTRIED):
            yield say(
                f"{machine.name} does not reach the external etcd at {dial.address}:{dial.port}: {dial.describe()}."
            )
    there = {(dial.address, dial.port) for dial in listening}
    yield from _too_old(machine, cluster, {url: place for url, place in places.items() if place in there})


def _too_old(machine: Machine, cluster: Cluster, places: dict[str, tuple[str, int]]) -> Iterator[Finding]:
    """Members that kubeadm takes for too old, where they say their version to anybody (http)."""
    version = parse_version(cluster.document.kubernetes.version)
    oldest = oldest_etcd(version.minor, version.patch)
    for url, place in places.items():
        if not url.startswith("http://"):
            machine.note(f"{url} gives its version to those with a certificate only; kubeadm asks it when it begins")
            continue
        said = _SAYS.search(machine.ask(sh("bash -c {} bash {} {}", _ASK, *place)).stdout)
        found = numbers(said[1]) if said else None
        if said is not None and found is not None and found < oldest:
            yield error(f"The external etcd at {url} is {said[1]}; kubeadm {version} takes {dotted(oldest)} and newer.")


def _place(url: str) -> tuple[str, int] | None:
    """Where to connect to for a URL; None when it is not one."""
    parts = read_address(url)
    if parts is None or not parts.host:
        return None
    return parts.host, parts.port or USUAL_PORTS.get(parts.scheme, 2379)


def _unfit(given: ExternalEtcd) -> str:
    """Why certificate and key do not serve; empty when nothing is to be seen."""
    key = given.key_file.reveal() if isinstance(given.key_file, Secret) else given.key_file
    if not all("-----BEGIN" in text for text in (given.ca_file, given.cert_file, key)):
        # Names of files; that they are none of ours to read, document.files says.
        return ""
    try:
        certificate = x509.load_pem_x509_certificate(given.cert_file.encode())
        private = load_pem_private_key(key.encode(), None)
        x509.load_pem_x509_certificate(given.ca_file.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "what is given as certificate, key and authority cannot be read as such"
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        return "the key is not that of the certificate"
    if certificate.not_valid_after_utc < dt.datetime.now(dt.UTC):
        return f"the certificate ended on {certificate.not_valid_after_utc:%Y-%m-%d}"
    return ""
