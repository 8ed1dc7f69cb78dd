"""kubernetes/join: workers become nodes of the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.endings import unit_ends
from clusters.catalog.identity import pin_of
from clusters.catalog.kubeadm import join_configuration
from clusters.catalog.kubectl import kubectl, no_answer
from clusters.catalog.load_balancers import BEFORE_NODES
from clusters.catalog.load_balancers import name as endpoint
from clusters.catalog.paths import ADMIN_CONF, API_SERVER, BIN, CA, INITIALISED, KUBELET_CONF, LOCK, MANIFESTS
from clusters.catalog.staticpod import forget_all_before
from clusters.catalog.steps.etcd.members import forget
from clusters.catalog.steps.kubernetes.authorities import share
from clusters.catalog.steps.kubernetes.binaries import DROP_IN, EXTRA, UNIT
from clusters.catalog.steps.kubernetes.stored_configuration import annotate_after_join
from clusters.config.secret import Secret
from clusters.engine.journal import explained_by
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted, eventually, service, so_if
from clusters.remote.host import CommandFailed
from clusters.remote.shell import all_of, sh, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.shell import Command

JOIN_FILE = "/etc/kubernetes/slipway-join.yaml"
ETCD_POD = f"{MANIFESTS}/etcd.yaml"
STATIC_PODS = (
    API_SERVER,
    f"{MANIFESTS}/kube-controller-manager.yaml",
    f"{MANIFESTS}/kube-scheduler.yaml",
    ETCD_POD,
)
"""The manifests that kubeadm writes for a control plane before it starts kubelet, without a load balancer's."""
SIGNATURE_SECONDS = 60.0
"""Seconds to wait for the signature; after that kubeadm waits itself, and prints the reason."""
REGISTERS_WITHIN = 120.0
"""Seconds in which a kubelet that kubeadm has started registers; 2 to 15 were measured on busy machines."""
TOKEN_SECONDS = 60.0
"""Seconds to wait for an API server to create a token."""
TOKEN_LIFE = "30m0s"  # noqa: S105 - a duration


@step(
    "kubernetes/join",
    on="joining-worker",
    needs=("kubernetes/kubelet", "images/load", "os/names", "os/swap", "os/packages"),
    needs_all=("kubernetes/control-plane", *BEFORE_NODES),
    timeout=420,
    expected=20,
    uncut=True,
)
def join(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Join the workers to the cluster"""
    yield joined(machine, cluster)
    yield kubelet_runs()


def joined(machine: Machine, cluster: Cluster) -> Want:
    """The machine is a node of this cluster; leftovers of an interrupted attempt are removed first."""

    def look(here: Machine) -> Sight:
        if not here.ask(sh("test -s {} && test -s {}", KUBELET_CONF, CA)).ok:
            return Sight(False, f"{here.name} has not joined")
        if here.read(CA) != cluster_ca(here, cluster):
            raise NotReached(
                f"{here.name} is a node of another cluster: its {CA} is not this cluster's.",
                hint=f"Nothing was changed. If that cluster no longer needs it, run kubeadm reset -f on {here.name}.",
            )
        if "master" in here.roles and not here.ask(all_there(control_plane_files(cluster))).ok:
            return Sight(False, f"{here.name} has not become a control plane")
        known = cluster.first("master", here).ask(kubectl("get node {} --ignore-not-found -o name", here.name))
        if not known.ok:
            raise no_answer(f"whether the node {here.name} exists", known)
        return Sight(bool(known.stdout.strip()), f"the API server does not list the node {here.name}")

    def act(here: Machine) -> None:
        here.ask(sh("flock -w 300 {} true", LOCK), timeout=310)
        if look(here).so:
            return
        try:
            _join_from_scratch(here, cluster)
        except CommandFailed as error:
            if not _may_pass(error):
                raise
            here.note("etcd did not answer kubeadm in time, and kubeadm asks only once; joining again")
            _join_from_scratch(here, cluster)
        # kubeadm does not wait for the kubelet to register itself (since 1.36 not at all).
        known = "the API server lists the node"
        eventually(known, look, within=REGISTERS_WITHIN, every=1, hopeless=unit_ends("kubelet")).reach(here)
        if "master" in here.roles:
            annotate_after_join(cluster.first("master", here), cluster)

    return Wanted(f"{machine.name} is a node of the cluster", look, act)


def _join_from_scratch(here: Machine, cluster: Cluster) -> None:
    """Remove the leftovers of an earlier attempt, and join."""
    tried = here.ask(sh("ls {} 2>/dev/null | grep -q .", words((*STATIC_PODS, ADMIN_CONF, KUBELET_CONF, CA)))).ok
    if tried:
        here.note("an earlier attempt stopped half way; starting over")
        here.do(sh("rm -f {}", INITIALISED), shared=True)
        here.do(sh("flock {} {}/kubeadm reset -f", LOCK, BIN), check=False)
    endpoint.lead_to_first(here, cluster)
    if "master" in here.roles:
        if cluster.document.etcd.type == "kubeadm":
            forget(here, cluster, tried=tried)
        share(here, cluster)
    _join(here, cluster)


def _may_pass(error: CommandFailed) -> bool:
    """Whether kubeadm gave up because a member of etcd was busy for two seconds: its `listMembers` fails at the first
    late answer, regardless of `etcdAPICall`. Source: util/etcd/etcd.go of kubeadm 1.37."""
    output = f"{error.result.stdout}\n{error.result.stderr}"
    return "phase etcd-join" in output and "context deadline exceeded" in output


def control_plane_files(cluster: Cluster) -> tuple[str, ...]:
    """The files on a machine that has become a control plane; kubeadm writes etcd's manifest last."""
    stacked = (ETCD_POD,) if cluster.document.etcd.type == "kubeadm" else ()
    return (API_SERVER, ADMIN_CONF, *stacked)


def all_there(paths: Iterable[str]) -> Command:
    """Whether none of the files is missing or empty."""
    return all_of(sh("test -s {}", path) for path in paths)


def kubelet_runs() -> Want:
    """kubelet runs with its current arguments; kubeadm starts it, but somebody may have stopped it."""
    return service("kubelet", restart_for=(UNIT, DROP_IN, EXTRA))


def _join(machine: Machine, cluster: Cluster) -> None:
    configuration = join_configuration(
        machine, cluster, token=_token(machine, cluster), ca_hash=pin_of(cluster_ca(machine, cluster))
    )
    forget_all_before(machine)
    machine.put(configuration.encode(), JOIN_FILE, mode=0o600)
    try:
        with explained_by(machine, "kubelet"):
            machine.do(sh("flock {} {}/kubeadm join --config {}", LOCK, BIN, JOIN_FILE))
    finally:
        machine.clear_up(sh("rm -f {}", JOIN_FILE))


def _token(machine: Machine, cluster: Cluster) -> Secret:
    """A bootstrap token for this run, created once, short-lived, never in the log."""

    def make() -> Secret:
        first = cluster.first("master", machine)
        create = sh("KUBECONFIG={} {}/kubeadm token create --ttl {}", ADMIN_CONF, BIN, TOKEN_LIFE)
        answer = first.do(create, check=False, hidden=True, timeout=TOKEN_SECONDS)
        token = Secret(answer.stdout.strip().rpartition("\n")[2])
        if not answer.ok or token.reveal().count(".") != 1:
            raise NotReached(
                f"{first.name} could not create a bootstrap token: {' '.join(answer.last_lines(2))}", retryable=True
            )
        first.keep_secret(token)
        _wait_for_signature(first, token.reveal().partition(".")[0])
        return token

    return cluster.once("bootstrap-token", make)


def _wait_for_signature(first: Machine, public: str) -> None:
    """Wait until the control plane has signed the ConfigMap that joining machines read first. A new control plane needs
    some seconds for that, and a kubeadm that is too early checks again only every 5 s. Signing in its place would not
    help: a kubelet that starts before its certificate is available checks again only every 10 s. `public` is the part
    of the token that is not secret."""
    signed = kubectl("get configmap cluster-info -n kube-public -o {}", f"jsonpath={{.data.jws-kubeconfig-{public}}}")
    look = so_if(sh('test -n "$({})" || {{ echo the token has no signature yet; false; }}', signed))
    eventually("the token is signed", look, within=SIGNATURE_SECONDS, every=1).reach(first)


def cluster_ca(machine: Machine, cluster: Cluster) -> bytes:
    """The cluster's own authority, from the first control plane, read once in a run."""

    def read() -> bytes:
        found = cluster.first("master", machine).read(CA)
        if found is None:
            raise NotReached(f"The first control plane has no {CA}.", hint="Retry the run.", retryable=True)
        return found

    return cluster.once("cluster-ca", read)
