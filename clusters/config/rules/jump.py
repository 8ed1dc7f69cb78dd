"""Rules on jump hosts: their syntax is valid, and they have a login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error, warning
from clusters.config.jump_hosts import SYNTAX, hops_of, reached, route_text, route_to
from clusters.config.rules.registry import rule
from clusters.config.yaml.tree import excerpt
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document, Host, JumpHost


def _places(document: Document) -> Iterator[tuple[str, JumpHost]]:
    """Paths and values of all jump hosts in the document."""
    yield "spec.jumpHost", document.jump_host
    for index, host in enumerate(document.hosts):
        yield f"spec.hosts.{index}.jumpHost", host.jump_host


@rule
def hops(document: Document) -> Iterator[Finding]:
    """Jump hosts use the syntax of OpenSSH's ProxyJump."""
    for path, jump in _places(document):
        try:
            hops_of(jump.hops)
        except ConfigError as wrong:
            found = excerpt(jump.hops)
            yield error("jump.syntax", f"{path}.hops", wrong.message, hint=wrong.hint, found=found, allowed=SYNTAX)


@rule
def keys(document: Document) -> Iterator[Finding]:
    """The private key for a jump host is valid."""
    for path, jump in _places(document):
        if jump.private_key and "PRIVATE KEY-----" not in jump.private_key.reveal():
            yield error(
                "jump.private_key_syntax",
                f"{path}.privateKey",
                "The private key for the jump host does not look like a private key.",
                hint="Paste the whole file, from -----BEGIN to -----END; the file without .pub.",
                allowed="a private key, PEM or OpenSSH",
            )


@rule
def logins(document: Document) -> Iterator[Finding]:
    """Every jump host has a login: its own, or the key of the machine behind it."""
    shared: list[str] = []
    for index, each in enumerate(document.hosts):
        host = reached(document, each)
        if not _without_login(host):
            continue
        if host.jump_host is document.jump_host:
            shared.append(each.name)
        else:
            yield _missing(f"spec.hosts.{index}.jumpHost.password", host, (each.name,))
    if shared:
        first = next(host for host in document.hosts if host.name == shared[0])
        yield _missing("spec.jumpHost.password", reached(document, first), tuple(shared))


def _without_login(host: Host) -> bool:
    try:
        through = route_to(host)
    except ConfigError:
        return False  # reported by the rule above
    # The contents of a credential are unknown here; a machine without any login has a separate finding.
    only_password = bool(host.password) and not host.has_key and not host.credential
    return bool(through) and not host.jump_host.has_login and only_password


def _missing(path: str, host: Host, names: tuple[str, ...]) -> Finding:
    return warning(
        "jump.login_missing",
        path,
        f"{route_text(host)} has no login: the machines' passwords are not sent to a jump host.",
        hint="Set a login for the jump host, or a key for the machines, which is tried there too.",
        hosts=names,
        found="only the machines' passwords",
        allowed="a login for the jump host, or keys",
    )
