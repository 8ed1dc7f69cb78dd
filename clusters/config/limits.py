"""Size limits of a document: machines, members of role groups, parts of a text, and entries repeated by aliases.

Every page that shows a document reads it, and every rule walks over it: without limits, a text of a few kilobytes
could expand to millions of names and block the server for all users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error
from clusters.config.topology import entries, range_size
from clusters.config.yaml.tree import Mapping, Scalar, Sequence, refuse_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.config.yaml.tree import Limits, Node

MOST_MACHINES = 5_000
"""Kubernetes supports at most 5,000 nodes."""
MOST_MEMBERS = 20_000
"""Names in all role groups together, ranges expanded: every machine in three groups, plus a margin."""
MOST_PARTS = 16
"""Comma-separated parts of a text: two networks, two addresses, some jump hosts."""


def refuse_repeated(documents: Iterable[Node], limits: Limits) -> None:
    """Raises Refused when the lists have too many entries, counting aliased content at each use."""
    in_lists = sections = 0
    left = list(documents)
    while left:
        here = left.pop()
        if isinstance(here, Sequence):
            in_lists += len(here.items)
            sections += sum(isinstance(item, Mapping) for item in here.items)
            inside = here.items
        elif isinstance(here, Mapping):
            inside = [value for _, value in here.pairs.values()]
        else:
            continue
        refuse_entries(here, in_lists, sections, limits)
        left += [each for each in inside if not isinstance(each, Scalar)]


def exceeded(document: Document) -> Iterator[Finding]:
    """An error for each exceeded limit, computed without expanding ranges."""
    yield from _machines(document)
    yield from _members(document)
    yield from _parts(document)


def _machines(document: Document) -> Iterator[Finding]:
    count = len(document.hosts)
    if count > MOST_MACHINES:
        message = f"The document has {count:,} machines; at most {MOST_MACHINES:,} are allowed."
        hint = "Split them into several clusters: Kubernetes supports at most 5,000 nodes."
        allowed = f"{MOST_MACHINES:,}"
        yield error("limit.machines", "spec.hosts", message, hint=hint, found=f"{count:,}", allowed=allowed)


def _members(document: Document) -> Iterator[Finding]:
    groups = ("etcd", "master", "worker", "registry", *(document.role_groups.model_extra or {}))
    sizes = {group: sum(range_size(item) for item in entries(document, group)) for group in groups}
    count = sum(sizes.values())
    if count > MOST_MEMBERS:
        largest = max(sizes, key=lambda group: sizes[group])
        message = f"The role groups have {count:,} members, ranges expanded; at most {MOST_MEMBERS:,} are allowed."
        hint = f"The group {largest} has {sizes[largest]:,}: does it repeat a range like node[1:9999]?"
        path = f"spec.roleGroups.{largest}"
        yield error("limit.members", path, message, hint=hint, found=f"{count:,}", allowed=f"{MOST_MEMBERS:,}")


def _parts(document: Document) -> Iterator[Finding]:
    for path, text in _texts_with_parts(document):
        count = text.count(",") + 1
        if count > MOST_PARTS:
            message = f"{path.removeprefix('spec.')} has {count:,} parts; at most {MOST_PARTS} are allowed."
            hint = "Write one network or address, or IPv4 and IPv6 separated by a comma."
            yield error("limit.parts", path, message, hint=hint, found=f"{count:,}", allowed=str(MOST_PARTS))


def _texts_with_parts(document: Document) -> Iterator[tuple[str, str]]:
    yield "spec.network.kubePodsCIDR", document.network.kube_pods_cidr
    yield "spec.network.kubeServiceCIDR", document.network.kube_service_cidr
    yield "spec.jumpHost.hops", document.jump_host.hops
    for index, host in enumerate(document.hosts):
        yield f"spec.hosts.{index}.internalAddress", host.internal_address
        yield f"spec.hosts.{index}.address", host.address
        yield f"spec.hosts.{index}.jumpHost.hops", host.jump_host.hops
