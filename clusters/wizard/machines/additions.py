"""Adds machines of a list, a range or a scan to the draft, with a preview."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from clusters.config.secret import Secret
from clusters.config.topology import expand
from clusters.wizard.machines.list_parser import MOST_LINES, ListedMachine, Listing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from clusters.config.schema import Document, Host

_ENDS = re.compile(r"(\S+?)\s*(?:-|…|\.\.)\s*(\d{1,3}(?:\.\d{1,3}){0,3})")


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One line of the preview; `why_not` is the reason why it is left out, `made_up` marks a generated name."""

    listed: ListedMachine
    why_not: str = ""
    made_up: bool = False


@dataclass(frozen=True, slots=True)
class Common:
    """Defaults for rows that do not set these values."""

    user: str = ""
    password: str = field(default="", repr=False)
    port: int | None = None
    credential: str = ""


def preview(document: Document, listing: Listing, common: Common) -> list[PreviewRow]:
    """The preview: each machine as it would be stored, or why it is left out."""
    names = {host.name for host in document.hosts} - {""}
    places = {(host.ssh_address, host.port): host.name for host in document.hosts if host.ssh_address}
    found = []
    for listed in listing.machines:
        host = _completed(listed.host, common)
        made_up = not host.name
        if made_up:
            host = host.model_copy(update={"name": _free_name(names)})
        why = _why_not(host, names, places)
        if not why:
            names.add(host.name)
            places[host.ssh_address, host.port] = host.name
        found.append(PreviewRow(ListedMachine(listed.line, host, listed.roles), why, made_up))
    return found


def _completed(host: Host, common: Common) -> Host:
    fields_set = host.model_fields_set
    update: dict[str, Any] = {}
    if common.user and "user" not in fields_set:
        update["user"] = common.user
    if common.port and "port" not in fields_set:
        update["port"] = common.port
    if not host.has_login and common.credential:
        update["credential"] = common.credential
    elif not host.has_login and common.password:
        update["password"] = Secret(common.password)
    return host.model_copy(update=update)


def _why_not(host: Host, names: Collection[str], places: dict[tuple[str, int], str]) -> str:
    if host.name in names:
        return _("A machine named %(name)s already exists.") % {"name": host.name}
    other = places.get((host.ssh_address, host.port)) if host.ssh_address else None
    if other is not None:
        message = _("%(address)s port %(port)s already belongs to %(name)s.")
        return message % {"address": host.ssh_address, "port": host.port, "name": other}
    return ""


def _free_name(used_names: Collection[str]) -> str:
    return next(name for number in range(1, 100_000) if (name := f"node{number}") not in used_names)


def with_machines(document: Document, chosen: Iterable[ListedMachine]) -> Document:
    """The document with these machines appended, in the role groups that the list names for them."""
    chosen = list(chosen)
    empty = all(not (host.name or host.ssh_address) for host in document.hosts)
    hosts = () if empty else document.hosts
    groups: dict[str, tuple[str, ...]] = {}
    for listed in chosen:
        for role in listed.roles:
            before = groups.get(role, getattr(document.role_groups, role))
            groups[role] = tuple(dict.fromkeys((*before, listed.host.name)))
    return document.model_copy(
        update={
            "hosts": (*hosts, *(listed.host for listed in chosen)),
            "role_groups": document.role_groups.model_copy(update=groups),
        }
    )


def range_lines(names: str, addresses: str) -> tuple[str, str]:
    """Lines for `node[1:50]` and `10.1.2.11` (or `10.1.2.11-60`); the second text is the error, if any."""
    found = expand(names.strip())
    if found.problem:
        return "", f"{found.problem[0].upper()}{found.problem[1:]}."
    count = len(found.names)
    if count > MOST_LINES:
        return "", _("The range names %(count)s machines; at most %(most)s can be added at once.") % {
            "count": count, "most": MOST_LINES,
        }  # fmt: skip
    if not addresses.strip():
        return "\n".join(found.names), ""
    first, wrong = _first_address(addresses.strip(), count)
    if first is None:
        return "", wrong
    return "\n".join(f"{name} {first + place}" for place, name in enumerate(found.names)), ""


def _first_address(text: str, count: int) -> tuple[ipaddress.IPv4Address | None, str]:
    match = _ENDS.fullmatch(text)
    begin, end = (match[1], match[2]) if match else (text, "")
    try:
        first = ipaddress.IPv4Address(begin)
        whole = end if end.count(".") == 3 else ".".join([*begin.split(".")[: 3 - end.count(".")], end])
        last = ipaddress.IPv4Address(whole) if end else first + (count - 1)
    except ValueError:
        return None, _("%(text)s is neither an address like 10.1.2.11 nor a range like 10.1.2.11-60.") % {"text": text}
    there = int(last) - int(first) + 1
    if there != count:
        return None, _("There are %(names)s names and %(addresses)s addresses; the numbers must be equal.") % {
            "names": count, "addresses": max(there, 0),
        }  # fmt: skip
    return first, ""
