"""Rules on role groups: valid members, and enough of each role for a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config import topology
from clusters.config.finding import absent, error, info, warning
from clusters.config.paths import joined
from clusters.config.rules.registry import rule
from clusters.config.suggestions import nearest
from clusters.config.syntax import did_you_mean
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_KNOWN = ("etcd", "master", "control-plane", "worker", "registry")


def _entries(document: Document) -> Iterator[tuple[str, str, str]]:
    """Group, path and text of every entry of the role groups."""
    groups = document.role_groups
    known = (
        ("etcd", groups.etcd),
        ("master", groups.master),
        ("control-plane", groups.control_plane),
        ("worker", groups.worker),
        ("registry", groups.registry),
        *((group, topology.entries(document, group)) for group in groups.model_extra or {}),
    )
    for group, items in known:
        for index, item in enumerate(items):
            yield group, joined("spec.roleGroups", group, index), item


@rule
def ranges(document: Document) -> Iterator[Finding]:
    """Ranges like node[1:3] are well formed."""
    for group, path, item in _entries(document):
        problem = topology.expand(item).problem
        if problem:
            yield error(
                "role.range",
                path,
                f"{excerpt(item)} in {group}: {problem}.",
                hint="node[1:3] is node1 to node3.",
                found=excerpt(item),
                allowed="a name, or a range like node[1:3]",
            )
        elif not item:
            message = f"An entry of {group} is empty."
            hint = "Remove the line."
            yield error("role.name_missing", path, message, hint=hint, found="nothing", allowed="a machine's name")


@rule
def groups(document: Document) -> Iterator[Finding]:
    """Custom groups are lists of names, and not a misspelled known group."""
    for name, items in (document.role_groups.model_extra or {}).items():
        path = joined("spec.roleGroups", name)
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            message = f"The group {excerpt(name)} is not a list of names."
            yield error("role.group_type", path, message, found="something else", allowed="a list of names")
        close = nearest(name.lower(), _KNOWN, 0.8)
        if close:
            message = f"The custom group {excerpt(name)} has no role; only scripts can use it."
            hint = f"Did you mean {close}?"
            yield warning("role.group_unknown", path, message, hint=hint, found=name, allowed=", ".join(_KNOWN))


@rule
def names_exist(document: Document) -> Iterator[Finding]:
    """Every name in a role group is the name of a machine."""
    hosts = {host.name for host in document.hosts}
    for group, path, item in _entries(document):
        missing = [name for name in topology.expand(item).names if name and name not in hosts]
        if not missing:
            continue
        meant = did_you_mean(missing[0], hosts)
        if missing[0] == "localhost":
            meant = "KubeKey 4 means the machine it runs on. Add a machine to hosts, with a name and an SSH address."
        elif not hosts:
            meant = f"Add a machine named {excerpt(missing[0])} to spec.hosts."
        listed = ", ".join(excerpt(name) for name in missing[:3])
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        yield error(
            "role.unknown_host",
            path,
            f"{group} contains {listed}{more}, but no machine has that name.",
            hint=meant or "Use names from spec.hosts.",
            found=listed,
            allowed="names of machines",
        )


@rule
def names_once(document: Document) -> Iterator[Finding]:
    """No group contains a machine twice; master and control-plane are one group."""
    seen: set[tuple[str, str]] = set()
    for group, path, item in _entries(document):
        merged = "master" if group == "control-plane" else group
        twice = [name for name in topology.expand(item).names if (merged, name) in seen]
        seen |= {(merged, name) for name in topology.expand(item).names}
        if twice and twice[0]:
            message = f"{twice[0]} occurs twice in {merged}; once is enough."
            yield warning("role.duplicate", path, message, found=twice[0], allowed="each name once")


@rule
def a_control_plane(document: Document) -> Iterator[Finding]:
    """There is at least one control plane machine."""
    if not topology.members(document, "master"):
        message = "No machine is a control plane."
        yield absent("role.no_master", "spec.roleGroups.master", message, hint="Put one machine into master.")


@rule
def a_worker(document: Document) -> Iterator[Finding]:
    """A machine is a worker; without one, the control planes run the pods, which the user must acknowledge."""
    path = "spec.roleGroups.worker"
    pod_machines = topology.members(document, "worker")
    if not pod_machines:
        message = "No machine is a worker, so no pods can run."
        hint = "Put a machine into worker; it may also be a control plane."
        yield absent("role.no_worker", path, message, hint=hint)
    elif not topology.entries(document, "worker"):
        message = "No machine is a worker, so your pods run on the control planes: Slipway leaves out their taint."
        hint = "Put machines into worker to keep your pods off the control planes."
        hosts = tuple(host.name for host in pod_machines)
        yield warning("role.no_worker", path, message, hint=hint, hosts=hosts, found="none", allowed="at least 1")


@rule
def a_single_node(document: Document) -> Iterator[Finding]:
    """Note the limits of a cluster with one machine."""
    used = topology.members(document, "all")
    if len(used) == 1 and topology.roles(document, used[0].name) == topology.GROUPS:
        yield info(
            "topology.single_node",
            "spec.roleGroups",
            f"Everything runs on {used[0].name}: if it stops, the cluster stops, and pods cannot move elsewhere.",
            hint="Suitable for evaluation.",
            hosts=(used[0].name,),
        )
