"""Which cluster a machine belongs to: the claim that Slipway writes on it, and the authority of its cluster."""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning

from clusters.catalog.paths import CA, CA_KEY, CLAIM
from clusters.errors import RemoteError
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

LONGEST = 253
"""Limit in characters for each value of a claim; names of clusters are not longer."""
NAMELESS = f"that {CLAIM} does not name"
"""Stands for the name of a cluster where a claim has none."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a machine's claim states: the cluster's name when it was written, its UUID, and its authority's hash.

    Claims of earlier releases have neither UUID nor hash.
    """

    cluster: str
    id: str = ""
    authority: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """The identities that count as this cluster's; `adopted` is the claim of a control plane that has another one.

    `control_plane` is the hash of the authority of a control plane that belongs to the cluster.
    """

    ids: frozenset[str]
    authorities: frozenset[str]
    control_plane: str = ""
    adopted: Claim | None = None


@overload
def read_claim(content: bytes | str) -> Claim: ...
@overload
def read_claim(content: None) -> None: ...
@overload
def read_claim(content: bytes | str | None) -> Claim | None: ...
def read_claim(content: bytes | str | None) -> Claim | None:
    """The claim in a file's content, None without a file. An unreadable one names no cluster."""
    if content is None:
        return None
    try:
        fields = json.loads(content)
        texts = (str(fields["cluster"]), str(fields.get("id", "")), str(fields.get("authority", "")))
        return Claim(*(text[:LONGEST] for text in texts))
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return Claim(NAMELESS)


def written_claim(machine: Machine, cluster: Cluster, authority: str) -> str:
    """The text of a machine's claim."""
    fields = {"cluster": cluster.document.name, "node": machine.name, "id": cluster.identity.id}
    return json.dumps({**{key: value for key, value in fields.items() if value}, "authority": authority}) + "\n"


def pin_of(certificate: bytes) -> str:
    """kubeadm's hash of an authority: the SHA-256 of its public key. Source: kubeadm's discovery documentation."""
    with warnings.catch_warnings():
        # kubeadm up to 1.25 gives its authority the serial number 0, and cryptography warns about that.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        key = x509.load_pem_x509_certificate(certificate).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    return f"sha256:{digest}"


def authority_on(machine: Machine) -> str:
    """The hash of the authority on a machine; empty where there is none that can be read."""
    content = machine.read(CA)
    try:
        return pin_of(content) if content else ""
    except ValueError:
        return ""


def known_identities(cluster: Cluster) -> Known:
    """What counts as this cluster, read once in a run from its control planes."""
    return cluster.once("known-identities", lambda: _read_identities(cluster))


def _read_identities(cluster: Cluster) -> Known:
    own = cluster.identity
    ids, authorities = frozenset({own.id} - {""}), frozenset({own.authority} - {""})
    namesake: tuple[Claim, str] | None = None
    for machine in cluster.members("master"):
        try:
            claim, authority = read_claim(machine.read(CLAIM)), authority_on(machine)
            # A worker has the certificate of the authority, too, but not its key.
            if claim is None or not authority or not machine.ask(sh("test -s {}", CA_KEY)).ok:
                continue
        except RemoteError:
            # access.facts reports that this machine is unreachable.
            continue
        if claim.id in ids or authority in authorities:
            return Known(ids | ({claim.id} - {""}), authorities | {authority}, authority)
        if claim.cluster == cluster.document.name and namesake is None:
            namesake = claim, authority
    if namesake is None:
        return Known(ids, authorities)
    claim, authority = namesake
    adopted = claim if claim.id and own.id else None
    return Known(ids | ({claim.id} - {""}), authorities | {authority}, authority, adopted)


def is_of_the_cluster(machine: Machine, cluster: Cluster, claim: Claim) -> bool:
    """Whether a machine with this claim belongs to the cluster. Names count only where a claim has nothing else."""
    known, authority = known_identities(cluster), authority_on(machine)
    if authority and known.control_plane:
        return authority == known.control_plane
    if (authority or claim.authority) in known.authorities:
        return True
    if claim.id and known.ids:
        return claim.id in known.ids
    # An authority without a control plane that has it: the machine is a node of a cluster that is not listed.
    return claim.cluster == cluster.document.name and not authority


def belongs_elsewhere(claim: Claim, cluster: Cluster) -> str:
    """A sentence without a subject: which other cluster a machine with this claim belongs to."""
    its = f" (identity {claim.id})" if claim.id else ""
    own = f" (identity {cluster.identity.id})" if cluster.identity.id else ""
    return f"belongs to the cluster {claim.cluster}{its}; this document is for {cluster.document.name}{own}."
