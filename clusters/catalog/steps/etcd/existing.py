"""Whether the cluster had an etcd before this run: one that does not answer is not one that does not exist yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clusters.catalog.paths import INITIALISED, MANIFESTS
from clusters.config.syntax import in_url
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

ENV = "/etc/etcd.env"
BEGINNING = ("INITIAL_CLUSTER", "INITIAL_CLUSTER_STATE")
"""The variables that tell etcd with which members it starts, and whether the cluster is new."""
CA_KEY = "/etc/kubernetes/pki/ca.key"


@dataclass(frozen=True, slots=True)
class Existing:
    """An etcd that was set up before this run: the machines that have a member's data, and those of the document that
    have none and would be given a new member. `otherwise` is the part of the hint for when nothing else helps."""

    members: tuple[str, ...]
    without: tuple[str, ...]
    message: str
    hint: str
    otherwise: str = ""


def existing(machine: Machine, cluster: Cluster) -> Existing | None:
    """The etcd that there is by what lies on the machines, whether it answers or not; None before the first one.

    A first start that broke off half-way is none yet: no control plane has been set up with it, and the members that
    have begun expect exactly those that have not.
    """
    if cluster.document.etcd.type == "kubeadm":
        return _in_pods(machine, cluster)
    members, new = _parted(machine, cluster)
    if _was_set_up(machine, cluster):
        return _existing(cluster, members, new)
    odd = [each for each in members if not _expects(each, new, cluster)]
    return _existing(cluster, odd, new, begun=True) if odd and new else None


def running_but_silent(found: Existing, active: Iterable[str], said: str) -> Existing:
    """The same where a majority of the members runs: what does not answer may be the login, and `said` shows it."""
    return replace(
        found,
        message=f"The cluster's etcd on {', '.join(found.members)} does not answer Slipway, although its service runs "
        f"on {', '.join(active)}. {said.rstrip('.')}.",
        hint="A missing or expired certificate, a missing etcdctl or another port: take the new machine out of the "
        "document and run once, which corrects them; then add it again. Anything else: journalctl -u etcd on "
        f"{', '.join(found.members)} says why there is no majority. {found.otherwise}",
    )


def has_data(machine: Machine, cluster: Cluster) -> bool:
    """Whether an etcd member has been at work on the machine."""
    return machine.ask(sh("test -d {}", f"{cluster.document.etcd.data_dir}/member")).ok


def peer_url(machine: Machine, cluster: Cluster) -> str:
    """Where other members reach this machine's one."""
    return f"https://{in_url(machine.address)}:{cluster.document.etcd.peer_port}"


def began_with(machine: Machine) -> dict[str, str]:
    """What the machine's member was started with; empty where that is not there as a whole."""
    lines = machine.text_of(ENV).splitlines()
    found = {name: line.partition("=")[2] for name in BEGINNING for line in lines if line.startswith(f"ETCD_{name}=")}
    return found if len(found) == len(BEGINNING) else {}


def _parted(machine: Machine, cluster: Cluster) -> tuple[list[Machine], list[Machine]]:
    """The machines of etcd's group that have data, and the others."""
    every = [cluster.machine(each.name).on_behalf_of(machine) for each in cluster.members("etcd")]
    with_data = [each for each in every if has_data(each, cluster)]
    return with_data, [each for each in every if each not in with_data]


def _was_set_up(machine: Machine, cluster: Cluster) -> bool:
    """Whether a control plane of the document has run. What is left of it after `kubeadm reset` does not count."""
    return any(_was_initialised(each) for each in _control_planes(machine, cluster))


def _was_initialised(control_plane: Machine) -> bool:
    both = {INITIALISED, CA_KEY}
    return both <= {*control_plane.ask(sh("ls {} {} 2>/dev/null", INITIALISED, CA_KEY)).stdout.split()}


def _control_planes(machine: Machine, cluster: Cluster) -> Iterator[Machine]:
    return (cluster.machine(each.name).on_behalf_of(machine) for each in cluster.members("master"))


def _expects(member: Machine, others: Iterable[Machine], cluster: Cluster) -> bool:
    """Whether the member was started by us, as one of a new etcd that the others belong to."""
    began = began_with(member)
    urls = {each.partition("=")[2] for each in began.get("INITIAL_CLUSTER", "").split(",")}
    return began.get("INITIAL_CLUSTER_STATE") == "new" and all(peer_url(each, cluster) in urls for each in others)


def _existing(cluster: Cluster, members: list[Machine], new: list[Machine], *, begun: bool = False) -> Existing:
    names, without = [each.name for each in members], [each.name for each in new]
    if not names:
        return Existing(
            (),
            tuple(without),
            f"The cluster was set up before, and {', '.join(without)}, which the document names for etcd, has no data "
            "of its etcd.",
            "List the machines that etcd runs on in the role group etcd, then retry. If they are lost, restore etcd "
            "from a backup first: a new etcd would be empty.",
        )
    listed = ", ".join(names)
    data = f"{cluster.document.etcd.data_dir}/member"
    otherwise = (
        f"If nobody needs that etcd: systemctl stop etcd and rm -r {data} on {listed}."
        if begun
        else "If most of its machines are lost, restore etcd from a backup first: a new member cannot replace them."
    )
    return Existing(
        tuple(names),
        tuple(without),
        f"The cluster's etcd on {listed} does not answer, or has no majority.",
        f"On {listed}: systemctl start etcd, and journalctl -u etcd says why it does not run. When a majority of its "
        f"members runs, retry. {otherwise}",
        otherwise,
    )


def _in_pods(machine: Machine, cluster: Cluster) -> Existing | None:
    """kubeadm's etcd: each control plane has a member, and new ones are given one when they join."""
    if not _was_set_up(machine, cluster):
        return None
    every = tuple(_control_planes(machine, cluster))
    names = [each.name for each in every if each.ask(sh("test -s {}", f"{MANIFESTS}/etcd.yaml")).ok]
    new = [each.name for each in every if each.name not in names and not _was_initialised(each)]
    listed = ", ".join(names) or "the control planes"
    return Existing(
        tuple(names),
        tuple(new),
        f"The cluster's etcd on {listed} does not answer, or has no majority.",
        f"On {listed}: crictl ps -a and journalctl -u kubelet say why etcd does not run. When a majority of its "
        "members runs, retry. If most of its machines are lost, restore etcd from a backup first.",
    )
