"""Rules on machines: their names, addresses, ports and logins."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from clusters.config import topology
from clusters.config.finding import absent, error, warning
from clusters.config.paths import joined
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
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document, Host

DEFAULT_KEY = "~/.ssh/id_rsa"
"""What KubeKey logs in with when a host has neither password nor key."""

ARCHITECTURES = ("amd64", "arm64")


def called(host: Host, index: int) -> str:
    """The name of a machine in messages."""
    return host.name or f"machine {index + 1}"


@rule
def some_hosts(document: Document) -> Iterator[Finding]:
    """There is at least one machine."""
    if not document.hosts:
        message = "The document has no machines."
        hint = "Add at least one machine."
        yield absent("hosts.none", "spec.hosts", message, hint=hint)


@rule
def names(document: Document) -> Iterator[Finding]:
    """Every machine has a name that can be a host name and a node name."""
    for index, host in enumerate(document.hosts):
        path = f"spec.hosts.{index}.name"
        if not host.name:
            message = f"Machine {index + 1} has no name."
            yield error(
                "host.name_missing",
                path,
                message,
                hint="For example node1, node2, …",
                found="nothing",
                allowed=NAME_RULE,
            )
        elif host.name in ("localhost", "localhost.localdomain"):
            message = f"{host.name} refers to the local machine everywhere, so it cannot be a machine's name."
            yield error("host.name_syntax", path, message, found=host.name, allowed=NAME_RULE)
        elif not is_domain(host.name, 63):
            better = tidied(host.name)
            meant = f"Did you mean {better}? " if better else ""
            yield error(
                "host.name_syntax",
                path,
                f"{excerpt(host.name)} is not a valid machine name.",
                hint=f"{meant}{NAME_RULE} At most 63 characters.",
                hosts=(host.name,),
                found=excerpt(host.name),
                allowed=NAME_RULE,
            )


@rule
def names_differ(document: Document) -> Iterator[Finding]:
    """No two machines have the same name."""
    yield from _repeated(
        [(host.name, f"spec.hosts.{index}.name") for index, host in enumerate(document.hosts)],
        "host.name_duplicate",
        "Machine {first} is already named {value}.",
        "Give every machine a unique name.",
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
        "{value} already belongs to machine {first}; both rows are the same machine.",
        "Correct the address or the SSH port.",
    )


@rule
def node_addresses_differ(document: Document) -> Iterator[Finding]:
    """No two machines have the same address inside the cluster."""
    endpoints: set[tuple[str, int]] = set()
    pairs = []
    for index, host in enumerate(document.hosts):
        endpoint = (host.ssh_address, host.port)
        # The rule above reports a row that fully repeats another one.
        is_reported = endpoint in endpoints and not host.internal_address
        endpoints.add(endpoint)
        pairs.append(("" if is_reported else host.node_address, _node_path(host, index)))
    yield from _repeated(
        pairs,
        "host.internal_duplicate",
        "{value} is already the internal address of machine {first}.",
        "Inside the cluster, every machine needs a unique address.",
    )


def _repeated(pairs: list[tuple[str, str]], id: str, message: str, hint: str) -> Iterator[Finding]:
    seen: defaultdict[str, list[int]] = defaultdict(list)
    for index, (value, path) in enumerate(pairs):
        if value and seen[value]:
            text = message.format(value=value, first=seen[value][0] + 1)
            yield error(id, path, text, hint=hint, found=value, allowed="a unique value")
        seen[value].append(index)


def _node_path(host: Host, index: int) -> str:
    return f"spec.hosts.{index}.{'internalAddress' if host.internal_address else 'address'}"


@rule
def addresses(document: Document) -> Iterator[Finding]:
    """Every machine has an address for SSH."""
    for index, host in enumerate(document.hosts):
        path = f"spec.hosts.{index}.address"
        name = called(host, index)
        if not host.ssh_address:
            message = f"{name} has no address."
            hint = "Enter its IP address, like 10.1.2.3."
            yield error(
                "host.address_missing", path, message, hint=hint, found="nothing", allowed="an address or a host name"
            )
        elif host.address and not is_address_or_name(host.address):
            yield error(
                "host.address_syntax",
                path,
                f"{excerpt(host.address)} is neither an IP address nor a host name.",
                hint="Write it like 10.1.2.3 or node1.example.com, without port and user.",
                hosts=(host.name,),
                found=excerpt(host.address),
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
                f"Inside the cluster, {name} needs an IP address, found {excerpt(text)}.",
                hint="Enter the internal address; a host name works only for SSH.",
                hosts=(host.name,),
                found=excerpt(text),
                allowed="an IP address",
            )
        elif len(versions) > 1 and versions != [4, 6]:
            message = f"Two addresses of {name} must be IPv4 and IPv6, in this order; found {excerpt(text)}."
            yield error(
                "host.dual_stack_order",
                path,
                message,
                hosts=(host.name,),
                found=excerpt(text),
                allowed="IPv4,IPv6",
            )
        elif unreachable:
            yield error(
                "host.address_reserved",
                path,
                f"The other machines cannot reach {name} at {unreachable[0]}.",
                hint="Use the address of its network interface; `ip -4 address` shows it.",
                hosts=(host.name,),
                found=unreachable[0],
                allowed="an address of a network interface",
            )


def _is_reserved(address: Address) -> bool:
    return address.is_loopback or address.is_multicast or address.is_unspecified or address.is_link_local


@rule
def ports(document: Document) -> Iterator[Finding]:
    """SSH ports are between 1 and 65535, timeouts between a second and an hour."""
    for index, host in enumerate(document.hosts):
        if not 1 <= host.port <= 65535:
            path = f"spec.hosts.{index}.port"
            message = f"{host.port} is not a valid SSH port; allowed: 1 to 65535."
            yield error("host.port_range", path, message, found=str(host.port), allowed="1 to 65535")
        if not 1 <= host.timeout <= 3600:
            path = f"spec.hosts.{index}.timeout"
            message = f"The timeout is {host.timeout} seconds; allowed: 1 to 3600."
            yield error("host.timeout_range", path, message, found=str(host.timeout), allowed="1 to 3600")


@rule
def credentials(document: Document) -> Iterator[Finding]:
    """Every machine has a login."""
    for index, host in enumerate(document.hosts):
        path = f"spec.hosts.{index}"
        if not host.has_login:
            yield warning(
                "host.credentials_missing",
                f"{path}.password",
                f"{called(host, index)} has neither a password nor a key.",
                hint=f"Enter a password, a private key or a credential. Only `cluster create` tries {DEFAULT_KEY},"
                " for the user who runs it.",
                hosts=(host.name,),
                found="none",
                allowed="password, privateKey or credential",
            )
        if host.private_key and "PRIVATE KEY-----" not in host.private_key.reveal():
            yield error(
                "host.private_key_syntax",
                f"{path}.privateKey",
                f"The private key of {called(host, index)} does not look like a private key.",
                hint="Paste the whole file, from -----BEGIN to -----END; the file without .pub.",
                hosts=(host.name,),
                allowed="a private key, PEM or OpenSSH",
            )
        if re.search(r"[\s:/]", host.user) or host.user.startswith("-"):
            message = f"{excerpt(host.user)} is not a valid user name."
            yield error("host.user_syntax", f"{path}.user", message, found=excerpt(host.user), allowed="a login name")


@rule
def architectures(document: Document) -> Iterator[Finding]:
    """The architecture is supported."""
    for index, host in enumerate(document.hosts):
        if host.arch not in ARCHITECTURES:
            yield error(
                "host.arch_unknown",
                f"spec.hosts.{index}.arch",
                f"The architecture {excerpt(host.arch)} is not supported.",
                hint=did_you_mean(host.arch, ARCHITECTURES),
                found=excerpt(host.arch),
                allowed=", ".join(ARCHITECTURES),
            )


@rule
def labels(document: Document) -> Iterator[Finding]:
    """Labels are valid in Kubernetes."""
    for index, host in enumerate(document.hosts):
        for key, value in host.labels.items():
            if not is_label_key(key) or not is_label_value(value):
                yield error(
                    "host.label_syntax",
                    joined(f"spec.hosts.{index}.labels", key),
                    f"{excerpt(key)} with {excerpt(value)} is not a valid node label.",
                    hint="Use at most 63 letters, digits, '-', '_' and '.'; a key may have a domain and / as prefix.",
                    hosts=(host.name,),
                    found=f"{excerpt(key)}: {excerpt(value)}",
                    allowed="a label of Kubernetes",
                )


@rule
def every_host_has_a_role(document: Document) -> Iterator[Finding]:
    """Every machine is in a role group."""
    found = topology.all_roles(document)
    extra = ("registry", *(document.role_groups.model_extra or {}))
    named = {name for group in extra for name in topology.names(document, group)}
    for index, host in enumerate(document.hosts):
        if host.name and not found[host.name] and host.name not in named:
            yield warning(
                "host.no_role",
                f"spec.hosts.{index}.name",
                f"{host.name} is not in a role group, so nothing is installed on it.",
                hint="Make it a worker, or remove it.",
                hosts=(host.name,),
                found="no role group",
                allowed="at least 1",
            )
