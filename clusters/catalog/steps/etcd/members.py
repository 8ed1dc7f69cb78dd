"""etcd/members, kubernetes/etcd-members: the members of a running etcd; joining it, and removing dead members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.addresses import host_of
from clusters.catalog.kubectl import ANSWERS_WITHIN, kubectl
from clusters.catalog.paths import ADMIN_CONF, BIN, ETCD_PKI
from clusters.catalog.steps.etcd.certificates import is_service
from clusters.catalog.steps.etcd.existing import Existing, existing, running_but_silent
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted
from clusters.remote.shell import Command, Value, sh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.host import Result

PKI = "/etc/kubernetes/pki/etcd"
KUBELET_BACK_WITHIN = 40.0
SOON = 8
"""Seconds for an answer through kubectl in a repeated check; etcdctl itself gives up after five."""
QUOTED_LINES, QUOTED = 3, 500
"""The last lines of etcdctl, and their last characters, that a message quotes."""
LOOKS, BETWEEN = 3, 2.0
"""How many checks, and seconds between them, before a member counts as dead."""


@dataclass(frozen=True, slots=True)
class Member:
    """A line of `etcdctl member list`. A member that was added and has not started yet has no name."""

    id: str
    name: str
    started: bool
    peers: tuple[str, ...]
    clients: tuple[str, ...]
    learner: bool

    @property
    def called(self) -> str:
        """Its name or id, and its addresses, for messages."""
        return f"{self.name or self.id} ({', '.join(self.peers)})"

    @property
    def addresses(self) -> frozenset[str]:
        """Where other members reach it, as far as its addresses can be read."""
        return frozenset(host for peer in self.peers if (host := host_of(peer)))


def is_in_pods(document: Document) -> bool:
    """Whether kubeadm runs etcd in static pods."""
    return document.etcd.type == "kubeadm"


@step("etcd/members", on="first-etcd", needs_all=("etcd/certificates",), when=is_service, expected=0.5)
def members(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Remove dead, unlisted members from etcd"""
    yield without_dead_members(cluster)


@step("kubernetes/etcd-members", on="first-control-plane", needs=("kubernetes/init",), when=is_in_pods, expected=0.5)
def members_in_pods(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Remove dead, unlisted members from kubeadm's etcd"""
    yield without_dead_members(cluster)


def teller(machine: Machine, cluster: Cluster) -> Machine | None:
    """A machine whose etcd has a majority, as first observed in this run; None before there is an etcd, and where every
    machine has its member's data and only has to start.

    Raises NotReached where an etcd was set up before and does not answer, so that a second one could be created.
    """

    def find() -> str:
        found = _find_majority(machine, cluster).name
        silent = None if found else silent_etcd(machine, cluster)
        if silent is not None and (silent.without or is_in_pods(cluster.document)):
            raise NotReached(
                f"{silent.message} No member was added to it, and no other etcd was started.",
                hint=silent.hint,
                retryable=True,
            )
        return found

    found = cluster.once("etcd-with-majority", find)
    return cluster.machine(found).on_behalf_of(machine) if found else None


def silent_etcd(machine: Machine, cluster: Cluster) -> Existing | None:
    """The etcd that was set up before, if it does not answer now; None where it does, or where there is none yet.

    It tries once and briefly: the precheck repeats it, and the first step has tried patiently before.
    """
    found = existing(machine, cluster)
    if found is None:
        return None
    search = _find_majority(machine, cluster, patient=False)
    if search.name:
        return None
    if is_in_pods(cluster.document):
        # `kubectl exec` may fail while etcd runs. An API server is ready only with its etcd.
        ready = cluster.first("master", machine).ask(kubectl("get --raw /readyz", within=SOON)).ok
        return None if ready else found
    active = [name for name in found.members if name in search.active]
    # If a majority runs and does not answer, perhaps only the login or the address is wrong.
    return running_but_silent(found, active, search.reason) if 2 * len(active) > len(found.members) else found


@dataclass(frozen=True, slots=True)
class _Search:
    """`name` is a machine whose etcd has a majority, or empty; `active` are those where etcd runs, `reason` is the
    first error."""

    name: str
    active: tuple[str, ...]
    reason: str


def _find_majority(machine: Machine, cluster: Cluster, *, patient: bool = True) -> _Search:
    """Ask one machine after the other until etcd answers."""
    if is_in_pods(cluster.document):
        first = cluster.first("master", machine)
        candidates = [first] if first.ask(sh("test -s {}", ADMIN_CONF)).ok else []
    else:
        candidates = [cluster.machine(each.name).on_behalf_of(machine) for each in cluster.members("etcd")]
        candidates = [each for each in candidates if each.ask(sh("systemctl is-active --quiet etcd")).ok]
    active, reason = tuple(each.name for each in candidates), ""
    for each in candidates:
        within = ANSWERS_WITHIN if patient else SOON
        health = etcdctl(each, cluster, "endpoint health", within=within)
        answer = _ask_until_kubelet_runs(each, health) if patient else each.ask(health)
        if answer.ok:
            return _Search(each.name, active, "")
        printed = " ".join(answer.last_lines(QUOTED_LINES))[-QUOTED:] or f"exit code {answer.exit_code}"
        reason = reason or f"etcdctl on {each.name}: {printed}"
    return _Search("", active, reason)


def listed(etcd: Machine, cluster: Cluster) -> tuple[Member, ...]:
    """All members. Raises NotReached when that machine's etcd does not list them."""
    answer = _ask_until_kubelet_runs(etcd, etcdctl(etcd, cluster, "member list"))
    if not answer.ok:
        raise NotReached(
            f"etcd on {etcd.name} does not list its members: {' '.join(answer.last_lines(1))}", retryable=True
        )
    rows = [line.strip().split(", ") for line in answer.stdout.splitlines()]
    return tuple(_member(row) for row in rows if len(row) >= 5)


def _ask_until_kubelet_runs(machine: Machine, command: Command) -> Result:
    """Ask, and again while `kubectl exec` fails because kubelet is restarting."""
    for _ in machine.looks(KUBELET_BACK_WITHIN, every=1.0):
        answer = machine.ask(command)
        if "error dialing backend" not in answer.stdout + answer.stderr:
            break
    return answer


def _member(row: list[str]) -> Member:
    number, state, name, peers, clients = (part.strip() for part in row[:5])
    learner = len(row) > 5 and row[5].strip() == "true"
    return Member(number, name, state == "started", _urls(peers), _urls(clients), learner)


def _urls(text: str) -> tuple[str, ...]:
    return tuple(each for each in text.split(",") if each)


def strangers(cluster: Cluster, found: Iterable[Member]) -> tuple[Member, ...]:
    """Members whose addresses belong to no machine of the document's group for etcd."""
    group = "master" if is_in_pods(cluster.document) else "etcd"
    known = {each.address for each in cluster.members(group)}
    return tuple(member for member in found if not member.addresses & known)


def answers(etcd: Machine, cluster: Cluster, member: Member) -> bool:
    """Whether a member answers a request from another member's machine; several checks before it counts as dead.

    A member that has counted as dead in this run is checked only once each time: a check without answer takes seconds.
    """
    dead = cluster.once("dead-etcd-members", set[str])
    looks = 1 if member.id in dead else LOOKS
    for attempt in range(looks if member.clients else 0):
        if attempt:
            etcd.pause(BETWEEN)
        if etcd.ask(etcdctl(etcd, cluster, "endpoint health", at=",".join(member.clients))).ok:
            dead.discard(member.id)
            return True
    dead.add(member.id)
    return False


def spare(cluster: Cluster, etcd: Machine, found: Iterable[Member]) -> list[Member]:
    """The dead strangers, if they can be removed because a majority of the remaining members is healthy."""
    every = tuple(found)
    dead = [member for member in strangers(cluster, every) if not answers(etcd, cluster, member)]
    if not dead:
        return []
    remaining = [member for member in every if member not in dead and not member.learner]
    healthy = sum(answers(etcd, cluster, member) for member in remaining)
    return dead if healthy >= len(remaining) // 2 + 1 else []


def without_dead_members(cluster: Cluster) -> Wanted:
    """etcd has no dead member that the document does not list: it would count for the majority.

    A member that answers always stays, and dead ones stay while too few of the others are healthy.
    """

    def look(machine: Machine) -> Sight:
        etcd = teller(machine, cluster)
        if etcd is None:
            # A new cluster has none. An existing etcd cannot lose a member without a majority either.
            machine.note("no etcd with a majority answers yet; whether it has dead members is unknown")
            return Sight(True)
        every = listed(etcd, cluster)
        gone = spare(cluster, etcd, every)
        for member in strangers(cluster, every):
            if member not in gone:
                machine.note(f"etcd has the member {member.called}, which the document does not list; it stays")
        return Sight(not gone, f"dead and not in the document: {', '.join(member.called for member in gone)}")

    def act(machine: Machine) -> None:
        with machine.uncut("removing dead members from etcd") as whole:
            etcd = teller(whole, cluster)
            if etcd is None:
                return
            for member in spare(cluster, etcd, listed(etcd, cluster)):
                machine.note(f"{member.called} does not answer and is not in the document; removing it from etcd")
                etcd.do(etcdctl(etcd, cluster, "member remove {}", member.id))

    return Wanted("etcd has no dead member that the document does not list", look, act)


def forget(machine: Machine, cluster: Cluster, *, tried: bool) -> None:
    """Remove a machine's member from kubeadm's etcd, if it has one; the machine itself was reset and has no data.
    `tried`: whether it was about to join before.

    kubeadm adds a member before it writes the member's pod. A join that was cut off between the two leaves a member
    that does not run: it counts for the majority, and kubeadm cannot add it a second time.
    """
    first = cluster.first("master", machine)
    pod = first.ask(kubectl("get pod {} -n kube-system --ignore-not-found -o name", f"etcd-{first.name}"))
    if pod.ok and not pod.stdout.strip() and not tried:
        # kubelet reports its static pods with a delay; an etcd that is this new has no other member.
        return
    for member in listed(first, cluster):
        if machine.address in member.addresses:
            machine.note(f"an earlier attempt left the etcd member {member.id}; removing it")
            first.do(etcdctl(first, cluster, "member remove {}", member.id))


def etcdctl(
    etcd: Machine,
    cluster: Cluster,
    arguments: str,
    *values: Value | Command,
    at: str = "",
    within: int = ANSWERS_WITHIN,
) -> Command:
    """etcdctl on a member's machine, or in its pod, with its rights; connects to it, or to the URLs in `at`. `kubectl
    exec` waits `within` that many seconds for the pod."""
    port = cluster.document.etcd.port
    if is_in_pods(cluster.document):
        # The machine itself has no etcdctl.
        login = "etcdctl --command-timeout 5s --endpoints {0} --cacert {1}/ca.crt --cert {1}/healthcheck-client.crt"
        return kubectl(
            "exec -n kube-system {} -- {} --key {} {}",
            f"etcd-{etcd.name}",
            sh(login, at or "https://127.0.0.1:2379", PKI),
            f"{PKI}/healthcheck-client.key",
            sh(arguments, *values),
            within=within,
        )
    admin = f"{ETCD_PKI}/admin-{etcd.name}"
    return sh(
        "ETCDCTL_API=3 {}/etcdctl --command-timeout 5s --endpoints {} --cacert {} --cert {} --key {} {} 2>&1",
        BIN,
        at or f"https://{etcd.address}:{port}",
        f"{ETCD_PKI}/ca.pem",
        f"{admin}.pem",
        f"{admin}-key.pem",
        sh(arguments, *values),
    )
