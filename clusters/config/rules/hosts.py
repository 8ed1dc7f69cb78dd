"""Rules on machines: their names, addresses, ports and how to log in."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from clusters.config import topology
from clusters.config.finding import error, warning
from clusters.config.rules.registry import rule
from clusters.config.syntax import (
    NAME_RULE,
    Address,
    address_of,
    did_you_mean,
    is_address_or_name,
    is_domain,
    is_label_key,
    is_label_value,
    tidied,
)
from clusters.config.yaml.tree import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document, Host

DEFAULT_KEY = "~/.ssh/id_rsa"
"""What KubeKey logs in with when a host has neither password nor key."""

ARCHITECTURES = ("amd64", "arm64")


def called(host: Host, index: int) -> str:
    """How a machine is called in messages."""
    return host.name or f"machine {index + 1}"


@rule
def some_hosts(document: Document) -> Iterator[Finding]:
    """There is at least one machine."""
    if not document.hosts:
        message = "There is no machine yet."
        hint = "Add at least one machine."
        yield error("hosts.none", "spec.hosts", message, hint=hint, found="none", allowed="at least 1")


@rule
def names(document: Document) -> Iterator[Finding]:
    """Every machine has a name that can be a host name and a node name."""
    for index, host in enumerate(document.hosts):
        path = f"spec.hosts.{index}.name"
        if not host.name:
            message = f"Machine {index + 1} has no name."
            yield error(
                "host.name_missing", path, message, hint="Try node1, node2, …", found="nothing", allowed=NAME_RULE
            )
        elif host.name in ("localhost", "localhost.localdomain"):
            message = f"{host.name} means every machine itself and cannot be a name."
            yield error("host.name_syntax", path, message, found=host.name, allowed=NAME_RULE)
        elif not is_domain(host.name, 63):
            better = tidied(host.name)
            meant = f"Did you mean {better}? " if better else ""
            yield error(
                "host.name_syntax",
                path,
                f"{shown(host.name)} cannot be the name of a machine.",
                hint=f"{meant}{NAME_RULE} At most 63 characters.",
                hosts=(host.name,),
                found=shown(host.name),
                allowed=NAME_RULE,
            )


@rule
def names_differ(document: Document) -> Iterator[Finding]:
    """No two machines have the same name."""
    yield from _repeated(
        [(host.name, f"spec.hosts.{index}.name") for index, host in enumerate(document.hosts)],
        "host.name_duplicate",
        "The name {value} is taken by machine {first} already.",
        "Give every machine a name of its own.",
    )


@rule
def ssh_differs(document: Document) -> Iterator[Finding]:
    """No two machines are reached at the same address and port."""
    yield from _repeated(
        [
            (f"{host.ssh_address} port {host.port}" if host.ssh_address else "", f"spec.hosts.{index}.address")
            for index, host in enumerate(document.hosts)
        ],
        "host.ssh_duplicate",
        "{value} is machine {first} already; two rows would be the same machine.",
        "Correct the address or the SSH port.",
    )


@rule
def node_addresses_differ(document: Document) -> Iterator[Finding]:
    """No two machines have the same address inside the cluster."""
    endpoints: set[tuple[str, int]] = set()
    pairs = []
    for index, host in enumerate(document.hosts):
        endpoint = (host.ssh_address, host.port)
        # A row that repeats another one wholly is reported once, by the rule above.
        told = endpoint in endpoints and not host.internal_address
        endpoints.add(endpoint)
        pairs.append(("" if told else host.node_address, _node_path(host, index)))
    yield from _repeated(
        pairs,
        "host.internal_duplicate",
        "{value} is the internal address of machine {first} already.",
        "Inside the cluster every machine needs an address of its own.",
    )


def _repeated(pairs: list[tuple[str, str]], id: str, message: str, hint: str) -> Iterator[Finding]:
    seen: defaultdict[str, list[int]] = defaultdict(list)
    for index, (value, path) in enumerate(pairs):
        if value and seen[value]:
            said = message.format(value=value, first=seen[value][0] + 1)
            yield error(id, path, said, hint=hint, found=value, allowed="one no other machine has")
        seen[value].append(index)


def _node_path(host: Host, index: int) -> str:
    return f"spec.hosts.{index}.{'internalAddress' if host.internal_address else 'address'}"


@rule
def addresses(document: Document) -> Iterator[Finding]:
    """Every machine has an address SSH can go to."""
    for index, host in enumerate(document.hosts):
        path = f"spec.hosts.{index}.address"
        name = called(host, index)
        if not host.ssh_address:
            message = f"{name} has no address."
            hint = "Its IP address, like 10.1.2.3."
            yield error(
                "host.address_missing", path, message, hint=hint, found="nothing", allowed="an address or a host name"
            )
        elif host.address and not is_address_or_name(host.address):
            yield error(
                "host.address_syntax",
                path,
                f"{shown(host.address)} is neither an IP address nor a host name.",
                hint="Write it like 10.1.2.3 or node1.example.com, without port and user.",
                hosts=(host.name,),
                found=shown(host.address),
                allowed="an IP address or a host name",
            )


@rule
def node_addresses(document: Document) -> Iterator[Finding]:
    """Every machine has an address that the others can reach; of two, the first is IPv4 and the second IPv6."""
    for index, host in enumerate(document.hosts):
        text, path, name = host.node_address, _node_path(host, index), called(host, index)
        if not text or (not host.internal_address and not is_address_or_name(text)):
            continue
        addresses = [address_of(part) for part in host.node_addresses] if host.internal_address else [address_of(text)]
        versions = [address.version for address in addresses if address is not None]
        unreachable = [str(address) for address in addresses if address is not None and _is_reserved(address)]
        if len(versions) < len(addresses) or not versions:
            yield error(
                "host.node_address_not_ip",
                path,
                f"Inside the cluster {name} needs an IP address, found {shown(text)}.",
                hint="Fill in the internal address; a host name is enough for SSH only.",
                hosts=(host.name,),
                found=shown(text),
                allowed="an IP address",
            )
        elif len(versions) > 1 and versions != [4, 6]:
            message = f"Two addresses of {name} are one IPv4 and one IPv6 address, in this order; found {shown(text)}."
            yield error(
                "host.dual_stack_order",
                path,
                message,
                hosts=(host.name,),
                found=shown(text),
                allowed="IPv4,IPv6",
            )
        elif unreachable:
            yield error(
                "host.address_reserved",
                path,
                f"The other machines cannot reach {name} at {unreachable[0]}.",
                hint="Take the address of its network card; `ip -4 address` shows it.",
                hosts=(host.name,),
                found=unreachable[0],
                allowed="an address of a network card",
            )


def _is_reserved(address: Address) -> bool:
    return address.is_loopback or address.is_multicast or address.is_unspecified or address.is_link_local


@rule
def ports(document: Document) -> Iterator[Finding]:
    """SSH ports are between 1 and 65535, timeouts between a second and an hour."""
    for index, host in enumerate(document.hosts):
        if not 1 <= host.port <= 65535:
            path = f"spec.hosts.{index}.port"
            message = f"SSH port {host.port} does not exist; allowed are 1 to 65535."
            yield error("host.port_range", path, message, found=str(host.port), allowed="1 to 65535")
        if not 1 <= host.timeout <= 3600:
            path = f"spec.hosts.{index}.timeout"
            message = f"A timeout of {host.timeout} seconds; allowed are 1 to 3600."
            yield error("host.timeout_range", path, message, found=str(host.timeout), allowed="1 to 3600")


@rule
def credentials(document: Document) -> Iterator[Finding]:
    """Every machine has a way to log in."""
    for index, host in enumerate(document.hosts):
        path = f"spec.hosts.{index}"
        if not host.has_login:
            yield warning(
                "host.credentials_missing",
                f"{path}.password",
                f"{called(host, index)} has neither password nor key.",
                hint=f"Give a password, a private key or a credential. {DEFAULT_KEY} is tried by `cluster create` only,"
                " for the user who runs it.",
                hosts=(host.name,),
                found="none",
                allowed="password, privateKey or credential",
            )
        if host.private_key and "PRIVATE KEY-----" not in host.private_key.reveal():
            yield error(
                "host.private_key_syntax",
                f"{path}.privateKey",
                f"The private key of {called(host, index)} does not look like one.",
                hint="Paste the whole file, from -----BEGIN to -----END; the file without .pub.",
                hosts=(host.name,),
                allowed="a private key, PEM or OpenSSH",
            )
        if re.search(r"[\s:/]", host.user) or host.user.startswith("-"):
            message = f"{shown(host.user)} cannot be the name of a user."
            yield error("host.user_syntax", f"{path}.user", message, found=shown(host.user), allowed="a login name")


@rule
def architectures(document: Document) -> Iterator[Finding]:
    """The processor is one that Kubernetes is published for here."""
    for index, host in enumerate(document.hosts):
        if host.arch not in ARCHITECTURES:
            yield error(
                "host.arch_unknown",
                f"spec.hosts.{index}.arch",
                f"The architecture {shown(host.arch)} is not supported.",
                hint=did_you_mean(host.arch, ARCHITECTURES),
                found=shown(host.arch),
                allowed=", ".join(ARCHITECTURES),
            )


@rule
def labels(document: Document) -> Iterator[Finding]:
    """Labels are such as Kubernetes takes them."""
    for index, host in enumerate(document.hosts):
        for key, value in host.labels.items():
            if not is_label_key(key) or not is_label_value(value):
                yield error(
                    "host.label_syntax",
                    f"spec.hosts.{index}.labels.{key}",
                    f"{shown(key)} with {shown(value)} cannot be a label of a node.",
                    hint="Letters, digits, '-', '_' and '.', at most 63; the key may have a domain and / before it.",
                    hosts=(host.name,),
                    found=f"{shown(key)}: {shown(value)}",
                    allowed="a label of Kubernetes",
                )


@rule
def every_host_has_a_role(document: Document) -> Iterator[Finding]:
    """No machine is left out of all role groups."""
    found = topology.all_roles(document)
    extra = ("registry", *(document.role_groups.model_extra or {}))
    named = {name for group in extra for name in topology.names(document, group)}
    for index, host in enumerate(document.hosts):
        if host.name and not found[host.name] and host.name not in named:
            yield warning(
                "host.no_role",
                f"spec.hosts.{index}.name",
                f"{host.name} is in no role group: nothing will be installed on it.",
                hint="Make it a worker, or remove it.",
                hosts=(host.name,),
                found="no role group",
                allowed="at least 1",
            )
