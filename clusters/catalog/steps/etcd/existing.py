"""Whether the cluster had an etcd before this run: an etcd that does not answer is not the same as no etcd."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clusters.catalog.paths import CA_KEY, INITIALISED, MANIFESTS
from clusters.config.syntax import in_url
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

ENV = "/etc/etcd.env"
BEGINNING = ("INITIAL_CLUSTER", "INITIAL_CLUSTER_STATE")
"""The variables that set with which members etcd starts, and whether the cluster is new."""


@dataclass(frozen=True, slots=True)
class Existing:
    """An etcd that was set up before this run: the machines that have a member's data, and the document's machines
    without data, which would get a new member. `otherwise` is the part of the hint for when nothing else helps."""

    members: tuple[str, ...]
    without: tuple[str, ...]
    message: str
    hint: str
    otherwise: str = ""


def existing(machine: Machine, cluster: Cluster) -> Existing | None:
    """The existing etcd according to the files on the machines, whether it answers or not; None before the first one.

    A first start that was cut off half way does not count: no control plane has been set up with it, and the members
    that have started expect exactly those that have not.
    """
    if cluster.document.etcd.type == "kubeadm":
        return _in_pods(machine, cluster)
    members, new = _parted(machine, cluster)
    if _was_set_up(machine, cluster):
        return _existing(cluster, members, new)
    odd = [each for each in members if not _expects(each, new, cluster)]
    return _existing(cluster, odd, new, is_removable=True) if odd and new else None


def running_but_silent(found: Existing, active: Iterable[str], reason: str) -> Existing:
    """The same where a majority of the members runs: perhaps only the login fails, and `reason` shows that."""
    return replace(
        found,
        message=f"The cluster's etcd on {', '.join(found.members)} does not answer Slipway, although its service runs "
        f"on {', '.join(active)}. {reason.rstrip('.')}.",
        hint="If a certificate is missing or expired, etcdctl is missing or the port is wrong: remove the new machine "
        "from the document and run once, which corrects them; then add it again. Otherwise: journalctl -u etcd on "
        f"{', '.join(found.members)} shows why they have no majority. {found.otherwise}",
    )


def has_data(machine: Machine, cluster: Cluster) -> bool:
    """Whether an etcd member has run on the machine."""
    return machine.ask(sh("test -d {}", f"{cluster.document.etcd.data_dir}/member")).ok


def peer_url(machine: Machine, cluster: Cluster) -> str:
    """The URL at which other members reach this machine's member."""
    return f"https://{in_url(machine.address)}:{cluster.document.etcd.peer_port}"


def began_with(machine: Machine) -> dict[str, str]:
    """The variables with which the machine's member was started; empty unless all of them exist."""
    lines = machine.text_of(ENV).splitlines()
    found = {name: line.partition("=")[2] for name in BEGINNING for line in lines if line.startswith(f"ETCD_{name}=")}
    return found if len(found) == len(BEGINNING) else {}


def _parted(machine: Machine, cluster: Cluster) -> tuple[list[Machine], list[Machine]]:
    """The machines of etcd's group that have data, and the others."""
    every = [cluster.machine(each.name).on_behalf_of(machine) for each in cluster.members("etcd")]
    with_data = [each for each in every if has_data(each, cluster)]
    return with_data, [each for each in every if each not in with_data]


def _was_set_up(machine: Machine, cluster: Cluster) -> bool:
    """Whether a control plane of the document has run. Its leftovers after `kubeadm reset` do not count."""
    return any(_was_initialised(each) for each in _control_planes(machine, cluster))


def _was_initialised(control_plane: Machine) -> bool:
    both = {INITIALISED, CA_KEY}
    return both <= {*control_plane.ask(sh("ls {} {} 2>/dev/null", INITIALISED, CA_KEY)).stdout.split()}


def _control_planes(machine: Machine, cluster: Cluster) -> Iterator[Machine]:
    return (cluster.machine(each.name).on_behalf_of(machine) for each in cluster.members("master"))


def _expects(member: Machine, others: Iterable[Machine], cluster: Cluster) -> bool:
    """Whether Slipway started the member as one of a new etcd to which the others belong."""
    began = began_with(member)
    urls = {each.partition("=")[2] for each in began.get("INITIAL_CLUSTER", "").split(",")}
    return began.get("INITIAL_CLUSTER_STATE") == "new" and all(peer_url(each, cluster) in urls for each in others)


def _existing(cluster: Cluster, members: list[Machine], new: list[Machine], *, is_removable: bool = False) -> Existing:
    names, without = [each.name for each in members], [each.name for each in new]
    if not names:
        return Existing(
            (),
            tuple(without),
            f"The cluster was set up before, but no machine of the document's etcd group has data of its etcd: "
            f"{', '.join(without)}.",
            "List the machines that run etcd in the role group etcd, then retry. If they are lost, restore etcd from "
            "a backup first: a new etcd would be empty.",
        )
    listed = ", ".join(names)
    data = f"{cluster.document.etcd.data_dir}/member"
    otherwise = (
        f"If that etcd is not needed: systemctl stop etcd and rm -r {data} on {listed}."
        if is_removable
        else "If most of its machines are lost, restore etcd from a backup first: a new member cannot replace them."
    )
    return Existing(
        tuple(names),
        tuple(without),
        f"The cluster's etcd on {listed} does not answer, or has no majority.",
        f"On {listed}: run systemctl start etcd; journalctl -u etcd shows why it does not run. When a majority of its "
        f"members runs, retry. {otherwise}",
        otherwise,
    )


def _in_pods(machine: Machine, cluster: Cluster) -> Existing | None:
    """kubeadm's etcd: each control plane has a member, and new ones get one when they join."""
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
        f"On {listed}: crictl ps -a and journalctl -u kubelet show why etcd does not run. When a majority of its "
        "members runs, retry. If most of its machines are lost, restore etcd from a backup first.",
    )
