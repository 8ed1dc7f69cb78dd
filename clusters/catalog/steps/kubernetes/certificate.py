"""kubernetes/certificate: API servers' certificates are valid for the names that the document gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog import pki
from clusters.catalog.kubeadm import init_configuration
from clusters.catalog.paths import BIN, KUBEADM_CONFIG, KUBELET_CONF, LOCK
from clusters.catalog.steps.kubernetes.authorities import PKI
from clusters.catalog.steps.kubernetes.kept import digest_of
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
"""The digest of the names for which the certificate was last made by us; see `_why_not`."""
UNSEEN = "/etc/slipway/apiserver-name-unseen"
"""A name that only the newest certificate has, until the API server was seen to show it."""
RELOADED_WITHIN = 100.0
"""Seconds. An API server looks at its certificate's file once a minute, and needs no new start for it. Source:
`FileRefreshDuration` of its dynamic certificates; later versions are told by the kernel at once."""


@step(
    "kubernetes/certificate",
    on="control-plane",
    needs=("kubernetes/kubelet",),
    needs_all=("kubernetes/init",),
    timeout=300,
    expected=1,
)
def certificate(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """See to the names in each API server's certificate"""
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
        here.note("making a new certificate for the API server; its authority and clients' certificates stay")
        fresh = [name for name in wanted if name not in before]
        if fresh:
            here.put(fresh[0].encode(), UNSEEN)
        _renew(here)
        here.put(f"{digest_of(sorted(wanted))}\n".encode(), NAMES)
        # Who comes next may be sent to the endpoint under its new name; other names are nobody's way to here.
        if {_written(cluster.endpoint), cluster.document.control_plane_endpoint.domain} & {*fresh}:
            _wait_until_served(here, cluster)

    return Wanted("the API server's certificate has the document's names", look, act)


def names(machine: Machine, cluster: Cluster) -> tuple[str, ...]:
    """What the certificate is to be valid for; addresses as they are written in one."""
    found = (*api_server_sans(cluster.document), machine.name, machine.address)
    return tuple(dict.fromkeys(_written(name) for name in found))


def _written(name: str) -> str:
    return str(address_of(name) or name)


def _why_not(machine: Machine, wanted: tuple[str, ...]) -> str:
    """What is wrong with the names. Those that kubeadm adds to ours of its own account are no reason to try again."""
    held = pki.names_of(machine.read(CERTIFICATE) or b"")
    missing, more = [name for name in wanted if name not in held], sorted(held - set(wanted))
    if missing:
        return f"it is not valid for {', '.join(missing)}"
    made_for = machine.text_of(NAMES).strip() if more else ""
    return f"it is still valid for {', '.join(more)}" if more and made_for != digest_of(sorted(wanted)) else ""


def _renew(machine: Machine) -> None:
    """A new certificate beside the old one, which is in use, and then over it: kubeadm makes none where one is."""
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
    """The API server shows the certificate that was made last. It was started anew since, or reads it by itself."""

    def look(machine: Machine) -> Sight:
        name = _unseen(machine)
        return Sight(not name, f"it was not seen yet to answer as {name}" if name else "")

    return Wanted("the API server shows its certificate", look, lambda machine: _wait_until_served(machine, cluster))


def _unseen(machine: Machine) -> str:
    """The name, as far as the certificate that lies there has it: a machine may have been reset since."""
    name = machine.text_of(UNSEEN).strip()
    return name.replace("*", "any") if name and name in pki.names_of(machine.read(CERTIFICATE) or b"") else ""


def _wait_until_served(machine: Machine, cluster: Cluster) -> None:
    """Ask the API server under a name that only its new certificate has."""
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
        said = machine.ask(ask)
        if said.ok:
            machine.do(sh("rm -f {}", UNSEEN), shared=True)
            return
        last = " ".join(said.last_lines(1))
    raise NotReached(
        f"The API server on {machine.name} does not show its new certificate: {last}",
        hint="Is it well? crictl ps -a there; then retry.",
        retryable=True,
    )
