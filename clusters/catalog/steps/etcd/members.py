"""etcd/members, kubernetes/etcd-members: who is a member of an etcd that runs; joining it, and taking out the dead."""

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
"""Seconds for an answer by way of kubectl where somebody asks again and again; etcdctl itself gives up after five."""
QUOTED_LINES, QUOTED = 3, 500
"""The last lines of etcdctl, and their last characters, that a sentence quotes."""
LOOKS, BETWEEN = 3, 2.0
"""How often, and after how many seconds again, a member is asked before it counts as dead."""


@dataclass(frozen=True, slots=True)
class Member:
    """A line of `etcdctl member list`. One that was added and has not started yet has no name."""

    id: str
    name: str
    started: bool
    peers: tuple[str, ...]
    clients: tuple[str, ...]
    learner: bool

    @property
    def called(self) -> str:
        """What to call it."""
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
    """Take members out of etcd that are dead and in no document"""
    yield without_the_dead(cluster)


@step("kubernetes/etcd-members", on="first-control-plane", needs=("kubernetes/init",), when=is_in_pods, expected=0.5)
def members_in_pods(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Take members out of kubeadm's etcd that are dead and unlisted"""
    yield without_the_dead(cluster)


def teller(machine: Machine, cluster: Cluster) -> Machine | None:
    """A machine whose etcd has a majority, as it was when first asked in this run; None before there is an etcd, and
    where every machine has its member's data and needs a start only.

    Raises NotReached where an etcd was set up before, does not answer, and would be taken for one that does not exist.
    """

    def find() -> str:
        found = _heard(machine, cluster).name
        silent = None if found else silent_etcd(machine, cluster)
        if silent is not None and (silent.without or is_in_pods(cluster.document)):
            raise NotReached(
                f"{silent.message} No member was added to it, and no other etcd was started.",
                hint=silent.hint,
                retryable=True,
            )
        return found

    found = cluster.once("etcd-teller", find)
    return cluster.machine(found).on_behalf_of(machine) if found else None


def silent_etcd(machine: Machine, cluster: Cluster) -> Existing | None:
    """The etcd that was set up before, if it does not answer now; None where it does, or where there is none yet.

    Asked once and briefly: a precheck asks again and again, and the first step has asked patiently before.
    """
    found = existing(machine, cluster)
    if found is None:
        return None
    heard = _heard(machine, cluster, patient=False)
    if heard.name:
        return None
    if is_in_pods(cluster.document):
        # The way into a pod may be closed while etcd runs. An API server is ready only with its etcd.
        ready = cluster.first("master", machine).ask(kubectl("get --raw /readyz", within=SOON)).ok
        return None if ready else found
    active = [name for name in found.members if name in heard.active]
    # A majority that runs and does not answer may be one to which only the login, or the address, is wrong.
    return running_but_silent(found, active, heard.said) if 2 * len(active) > len(found.members) else found


@dataclass(frozen=True, slots=True)
class _Heard:
    """`name` is a machine whose etcd has a majority, or empty; of the `active` ones, where it runs, one `said` why."""

    name: str
    active: tuple[str, ...]
    said: str


def _heard(machine: Machine, cluster: Cluster, *, patient: bool = True) -> _Heard:
    """Ask one machine after the other until etcd answers."""
    if is_in_pods(cluster.document):
        first = cluster.first("master", machine)
        candidates = [first] if first.ask(sh("test -s {}", ADMIN_CONF)).ok else []
    else:
        candidates = [cluster.machine(each.name).on_behalf_of(machine) for each in cluster.members("etcd")]
        candidates = [each for each in candidates if each.ask(sh("systemctl is-active --quiet etcd")).ok]
    active, said = tuple(each.name for each in candidates), ""
    for each in candidates:
        within = ANSWERS_WITHIN if patient else SOON
        health = etcdctl(each, cluster, "endpoint health", within=within)
        answer = _asked(each, health) if patient else each.ask(health)
        if answer.ok:
            return _Heard(each.name, active, "")
        printed = " ".join(answer.last_lines(QUOTED_LINES))[-QUOTED:] or f"exit code {answer.exit_code}"
        said = said or f"etcdctl on {each.name}: {printed}"
    return _Heard("", active, said)


def listed(asked: Machine, cluster: Cluster) -> tuple[Member, ...]:
    """All members. Raises NotReached when that machine's etcd does not say."""
    answer = _asked(asked, etcdctl(asked, cluster, "member list"))
    if not answer.ok:
        raise NotReached(
            f"etcd on {asked.name} does not list its members: {' '.join(answer.last_lines(1))}", retryable=True
        )
    rows = [line.strip().split(", ") for line in answer.stdout.splitlines()]
    return tuple(_member(row) for row in rows if len(row) >= 5)


def _asked(machine: Machine, command: Command) -> Result:
    """Ask, and again while the way into a pod is closed because kubelet is being started anew."""
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
    """Members at addresses of no machine that the document names for etcd."""
    group = "master" if is_in_pods(cluster.document) else "etcd"
    known = {each.address for each in cluster.members(group)}
    return tuple(member for member in found if not member.addresses & known)


def answers(asked: Machine, cluster: Cluster, member: Member) -> bool:
    """Whether a member answers another one's machine; asked several times before it counts as dead.

    One that has counted as dead in this run is asked once more each time: a look takes seconds where nobody answers.
    """
    dead = cluster.once("dead-etcd-members", set[str])
    looks = 1 if member.id in dead else LOOKS
    for attempt in range(looks if member.clients else 0):
        if attempt:
            asked.pause(BETWEEN)
        if asked.ask(etcdctl(asked, cluster, "endpoint health", at=",".join(member.clients))).ok:
            dead.discard(member.id)
            return True
    dead.add(member.id)
    return False


def spare(cluster: Cluster, asked: Machine, found: Iterable[Member]) -> list[Member]:
    """Strangers that are dead, as far as they can be taken out while a majority of those that stay is well."""
    every = tuple(found)
    dead = [member for member in strangers(cluster, every) if not answers(asked, cluster, member)]
    if not dead:
        return []
    staying = [member for member in every if member not in dead and not member.learner]
    well = sum(answers(asked, cluster, member) for member in staying)
    return dead if well >= len(staying) // 2 + 1 else []


def without_the_dead(cluster: Cluster) -> Wanted:
    """etcd has no member that is dead and that the document does not name: it would count for the majority.

    One that answers stays, whatever the document says, and so do the dead while too few of the others are well.
    """

    def look(machine: Machine) -> Sight:
        asked = teller(machine, cluster)
        if asked is None:
            # A cluster that begins has none. Where there is one, it cannot lose a member without a majority either.
            machine.note("no etcd with a majority answers yet; whether it has dead members is not known")
            return Sight(True)
        every = listed(asked, cluster)
        gone = spare(cluster, asked, every)
        for member in strangers(cluster, every):
            if member not in gone:
                machine.note(f"etcd has the member {member.called}, which the document does not name; it stays")
        return Sight(not gone, f"dead and in no document: {', '.join(member.called for member in gone)}")

    def act(machine: Machine) -> None:
        with machine.uncut("taking dead members out of etcd") as whole:
            asked = teller(whole, cluster)
            if asked is None:
                return
            for member in spare(cluster, asked, listed(asked, cluster)):
                machine.note(f"{member.called} does not answer and is not in the document; taking it out of etcd")
                asked.do(etcdctl(asked, cluster, "member remove {}", member.id))

    return Wanted("etcd has no dead member that the document does not name", look, act)


def forget(machine: Machine, cluster: Cluster, *, tried: bool) -> None:
    """Take a machine's member out of kubeadm's etcd, if it has one; the machine itself was reset and has no data.
    `tried`: whether it was about to join before.

    kubeadm adds a member before it writes the pod that is to be it. A joining that was cut off between the two leaves a
    member nobody runs: it counts for the majority, and kubeadm cannot add it a second time.
    """
    first = cluster.first("master", machine)
    pod = first.ask(kubectl("get pod {} -n kube-system --ignore-not-found -o name", f"etcd-{first.name}"))
    if pod.ok and not pod.stdout.strip() and not tried:
        # kubelet tells of its static pods when it gets to it; an etcd as young as that has no other member.
        return
    for member in listed(first, cluster):
        if machine.address in member.addresses:
            machine.note(f"an earlier attempt left the etcd member {member.id}; taking it out")
            first.do(etcdctl(first, cluster, "member remove {}", member.id))


def etcdctl(
    asked: Machine,
    cluster: Cluster,
    arguments: str,
    *values: Value | Command,
    at: str = "",
    within: int = ANSWERS_WITHIN,
) -> Command:
    """etcdctl on a member's machine, or in its pod, with its rights; asks it, or whoever is `at` these URLs. The way
    into the pod opens `within` that many seconds."""
    port = cluster.document.etcd.port
    if is_in_pods(cluster.document):
        # Nothing of it is on the machine itself.
        login = "etcdctl --command-timeout 5s --endpoints {0} --cacert {1}/ca.crt --cert {1}/healthcheck-client.crt"
        return kubectl(
            "exec -n kube-system {} -- {} --key {} {}",
            f"etcd-{asked.name}",
            sh(login, at or "https://127.0.0.1:2379", PKI),
            f"{PKI}/healthcheck-client.key",
            sh(arguments, *values),
            within=within,
        )
    admin = f"{ETCD_PKI}/admin-{asked.name}"
    return sh(
        "ETCDCTL_API=3 {}/etcdctl --command-timeout 5s --endpoints {} --cacert {} --cert {} --key {} {} 2>&1",
        BIN,
        at or f"https://{asked.address}:{port}",
        f"{ETCD_PKI}/ca.pem",
        f"{admin}.pem",
        f"{admin}-key.pem",
        sh(arguments, *values),
    )
