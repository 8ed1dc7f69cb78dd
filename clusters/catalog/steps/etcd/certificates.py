"""etcd/authority, etcd/certificates: a separate authority for etcd, and certificates for members and API servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog import pki
from clusters.catalog.paths import ETCD_PKI
from clusters.catalog.steps.etcd.existing import existing, has_data
from clusters.engine.step import step
from clusters.engine.wants import Sight, Wanted, directory, file
from clusters.errors import InstallerError
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

CLIENT = "apiserver"
CA, CA_KEY = f"{ETCD_PKI}/ca.pem", f"{ETCD_PKI}/ca-key.pem"


def is_service(document: Document) -> bool:
    """Whether Slipway runs etcd as a service on the machines of its group: it is neither kubeadm's nor external."""
    return document.etcd.type not in ("kubeadm", "external")


@step("etcd/authority", on="first-etcd", needs=("os/claim",), when=is_service, expected=1)
def authority(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Create etcd's certificate authority"""
    yield directory(ETCD_PKI, mode=0o700)

    def look(here: Machine) -> Sight:
        missing = [path for path in (CA, CA_KEY) if here.read(path) is None]
        return Sight(not missing, f"missing: {', '.join(missing)}" if missing else "")

    def act(here: Machine) -> None:
        _refuse_a_second_one(here, cluster)
        here.note("creating a new authority for etcd")
        _put(here, pki.make_authority("etcd-ca"), CA, CA_KEY)

    yield Wanted("etcd has an authority", look, act, (CA, CA_KEY))


def _refuse_a_second_one(machine: Machine, cluster: Cluster) -> None:
    """Members trust one authority. If its key is lost with the machine that had it, a new authority is useless."""
    hint = "Nothing was changed. Copy that key to one of them, from the machine that had it or from a backup."
    for each in cluster.members("etcd"):
        other = cluster.machine(each.name).on_behalf_of(machine)
        if other.ask(sh("test -s {}", CA)).ok and has_data(other, cluster):
            raise InstallerError(
                f"{each.name} is an etcd member, but no machine of the document's etcd group has the key of the "
                f"authority that it trusts ({CA_KEY}).",
                hint=hint,
            )
    if existing(machine, cluster) is not None:
        raise InstallerError(
            "The cluster was set up before, but no machine of the document's etcd group has the key of etcd's "
            f"authority ({CA_KEY}).",
            hint=hint,
        )


@step("etcd/certificates", on="etcd", needs_all=("etcd/authority",), needs=("os/claim",), when=is_service, expected=1)
def certificates(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Create each etcd member's certificates"""
    yield directory(ETCD_PKI, mode=0o700)
    yield _authority_known(machine, cluster)
    yield _authority_key_known(machine, cluster)
    names = (machine.name, *machine.addresses, "localhost", "127.0.0.1")
    yield certificate(cluster, f"member-{machine.name}", names)
    yield certificate(cluster, f"admin-{machine.name}", names)


@step(
    "etcd/clients",
    on="control-plane",
    needs_all=("etcd/authority",),
    needs=("os/claim",),
    when=is_service,
    expected=1,
)
def clients(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Create each API server's certificate for etcd"""
    yield directory(ETCD_PKI, mode=0o700)
    yield _authority_known(machine, cluster)
    # kubeadm stores one path for all control planes.
    yield certificate(cluster, CLIENT, (machine.name, *machine.addresses))


def certificate(cluster: Cluster, name: str, names: tuple[str, ...]) -> Want:
    """A certificate `name.pem` with its key, signed by etcd's authority for these names, and not about to expire."""
    path, key_path = f"{ETCD_PKI}/{name}.pem", f"{ETCD_PKI}/{name}-key.pem"

    def look(here: Machine) -> Sight:
        held = here.read(path)
        if held is None or here.read(key_path) is None:
            return Sight(False, f"{path} or its key is missing")
        why = pki.why_unfit(held, authority_of(here, cluster).certificate, names)
        return Sight(not why, why)

    def act(here: Machine) -> None:
        here.note(f"signing {path}")
        _put(here, pki.sign(authority_of(here, cluster), name, names), path, key_path)

    return Wanted(f"the certificate {name} is valid", look, act, (path, key_path))


def authority_of(machine: Machine, cluster: Cluster) -> pki.KeyPair:
    """etcd's authority, read from the first member once in a run."""

    def read() -> pki.KeyPair:
        first = cluster.first("etcd", machine)
        certificate, key = first.read(CA), first.read(CA_KEY)
        if certificate is None or key is None:
            raise InstallerError(
                f"{first.name} should have etcd's authority in {CA} and {CA_KEY}; one of them is missing.",
                hint="It was removed during the run; retry the run.",
            )
        secret = pki.pem_text(key, f"{CA_KEY} on {first.name}")
        first.keep_secret(secret)
        return pki.KeyPair(certificate, secret)

    return cluster.once("etcd-authority", read)


def _authority_known(machine: Machine, cluster: Cluster) -> Want:
    wanted = authority_of(machine, cluster).certificate

    def act(here: Machine) -> None:
        here.put(wanted, CA)

    return Wanted("the machine has etcd's authority", lambda here: Sight(here.read(CA) == wanted), act, (CA,))


def _authority_key_known(machine: Machine, cluster: Cluster) -> Want:
    """Every member's machine can sign certificates for a new one, so that losing any of them is acceptable."""
    return file(CA_KEY, authority_of(machine, cluster).key, mode=0o600)


def _put(machine: Machine, pair: pki.KeyPair, path: str, key_path: str) -> None:
    machine.keep_secret(pair.key)
    machine.put(pair.key.reveal().encode(), key_path, mode=0o600)
    machine.put(pair.certificate, path)
