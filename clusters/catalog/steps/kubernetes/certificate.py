"""kubernetes/certificate: API servers' certificates are valid for the document's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog import pki
from clusters.catalog.kubeadm import init_configuration
from clusters.catalog.paths import BIN, KUBEADM_CONFIG, KUBELET_CONF, LOCK
from clusters.catalog.steps.kubernetes.authorities import PKI
from clusters.catalog.steps.kubernetes.stored_configuration import digest_of
from clusters.config.syntax import address_of, in_url
from clusters.config.topology import api_port, api_server_sans
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted, file
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

CERTIFICATE = f"{PKI}/apiserver.crt"
NAMES = "/etc/slipway/apiserver-names"
"""The digest of the names for which Slipway last created the certificate; see `_why_not`."""
UNSEEN = "/etc/slipway/apiserver-name-unseen"
"""A name that only the newest certificate has, until the API server presents it."""
RELOADED_WITHIN = 100.0
"""Seconds. An API server reads its certificate's file once a minute, without a restart. Source: `FileRefreshDuration`
of its dynamic certificates; the kernel notifies later versions immediately."""


@step(
    "kubernetes/certificate",
    on="control-plane",
    needs=("kubernetes/kubelet",),
    needs_all=("kubernetes/init",),
    timeout=300,
    expected=1,
)
def certificate(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Update the names in each API server's certificate"""
    yield file(KUBEADM_CONFIG, init_configuration(machine, cluster), mode=0o600)
    if machine.ask(sh("test -s {} && test -s {}", KUBELET_CONF, CERTIFICATE)).ok:
        yield _certified(machine, cluster)


def _certified(machine: Machine, cluster: Cluster) -> Want:
    wanted = names(machine, cluster)

    def look(here: Machine) -> Sight:
        why = _why_not(here, wanted)
        return Sight(not why, why)

    def act(here: Machine) -> None:
        before = pki.names_of(here.read(CERTIFICATE) or b"")
        here.note("creating a new certificate for the API server; its authority and clients' certificates stay")
        fresh = [name for name in wanted if name not in before]
        if fresh:
            here.put(fresh[0].encode(), UNSEEN)
        _renew(here)
        here.put(f"{digest_of(sorted(wanted))}\n".encode(), NAMES)
        # The next machines may use the endpoint under its new name; no machine uses the other names.
        if {_written(cluster.endpoint), cluster.document.control_plane_endpoint.domain} & {*fresh}:
            _wait_until_served(here, cluster)

    return Wanted("the API server's certificate has the document's names", look, act)


def names(machine: Machine, cluster: Cluster) -> tuple[str, ...]:
    """The names for which the certificate must be valid; addresses in the spelling of certificates."""
    found = (*api_server_sans(cluster.document), machine.name, machine.address)
    return tuple(dict.fromkeys(_written(name) for name in found))


def _written(name: str) -> str:
    return str(address_of(name) or name)


def _why_not(machine: Machine, wanted: tuple[str, ...]) -> str:
    """Which names are missing or left over. Names that kubeadm itself adds to ours do not count."""
    held = pki.names_of(machine.read(CERTIFICATE) or b"")
    missing, more = [name for name in wanted if name not in held], sorted(held - set(wanted))
    if missing:
        return f"it is not valid for {', '.join(missing)}"
    made_for = machine.text_of(NAMES).strip() if more else ""
    return f"it is still valid for {', '.join(more)}" if more and made_for != digest_of(sorted(wanted)) else ""


def _renew(machine: Machine) -> None:
    """Create a new certificate beside the old one, which is in use, then replace it: kubeadm creates none where one
    exists."""
    inner = sh(
        "mount --bind {0} {1} && {2}/kubeadm init phase certs apiserver --config {3}", _NEW, PKI, BIN, KUBEADM_CONFIG
    )
    machine.do(
        sh(
            "rm -rf {0} && install -d -m 0700 {0} && trap 'rm -rf {0}' EXIT && cp -p {1}/ca.crt {1}/ca.key {0}/ && "
            "flock {2} unshare --mount sh -ec {3} && mv -f {0}/apiserver.key {0}/apiserver.crt {1}/",
            _NEW,
            PKI,
            LOCK,
            inner.text,
        )
    )


_NEW = "/etc/kubernetes/slipway-certificate"


def served(cluster: Cluster) -> Wanted:
    """The API server presents its newest certificate, because it has restarted or has read the file."""

    def look(machine: Machine) -> Sight:
        name = _unseen(machine)
        return Sight(not name, f"it does not present the certificate for {name} yet" if name else "")

    return Wanted("the API server presents its certificate", look, lambda machine: _wait_until_served(machine, cluster))


def _unseen(machine: Machine) -> str:
    """The name, if the machine's certificate contains it: the machine may have been reset."""
    name = machine.text_of(UNSEEN).strip()
    return name.replace("*", "any") if name and name in pki.names_of(machine.read(CERTIFICATE) or b"") else ""


def _wait_until_served(machine: Machine, cluster: Cluster) -> None:
    """Connect to the API server with a name that only its new certificate has."""
    if not (name := _unseen(machine)):
        return
    ask = sh(
        "{}/kubectl --kubeconfig {} --server https://{}:{} --tls-server-name {} --request-timeout 3s get --raw /readyz",
        BIN,
        KUBELET_CONF,
        in_url(machine.address),
        api_port(cluster.document),
        name,
    )
    last = ""
    for _ in machine.looks(RELOADED_WITHIN, every=1.0):
        answer = machine.ask(ask)
        if answer.ok:
            machine.do(sh("rm -f {}", UNSEEN), shared=True)
            return
        last = " ".join(answer.last_lines(1))
    raise NotReached(
        f"The API server on {machine.name} does not present its new certificate: {last}",
        hint="Check with crictl ps -a there whether it is healthy; then retry.",
        retryable=True,
    )
