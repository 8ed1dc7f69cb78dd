"""Logins of a document: the key files and credentials of hosts and jump hosts, and the document without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document, Host, JumpHost

WHERE_KK_RAN = "This path is on the computer where kk ran; upload the key."
"""A page's message about `privateKeyPath`: Slipway does not open a file because a document names it."""


def logins_of(document: Document) -> Iterator[tuple[str, Host | JumpHost, str]]:
    """Path, object and machine name ("" for all) of everything in the document that has a login."""
    for index, host in enumerate(document.hosts):
        yield f"spec.hosts.{index}", host, host.name
        yield f"spec.hosts.{index}.jumpHost", host.jump_host, host.name
    yield "spec.jumpHost", document.jump_host, ""


def needs_key_file(login: Host | JumpHost) -> bool:
    """Whether the login needs a key file, because no key and no credential takes precedence over its path."""
    return bool(login.private_key_path) and not (login.private_key or login.credential)


def credential_names(document: Document) -> frozenset[str]:
    """The names of the credentials in a document."""
    return frozenset(login.credential for _path, login, _name in logins_of(document) if login.credential)


def without_credentials(document: Document) -> Document:
    """Another user's document without credentials, because one with the same name would give their machines access."""

    none = {"credential": ""}

    def bare(host: Host) -> Host:
        return host.model_copy(update={**none, "jump_host": host.jump_host.model_copy(update=none)})

    hosts = tuple(map(bare, document.hosts))
    return document.model_copy(update={"hosts": hosts, "jump_host": document.jump_host.model_copy(update=none)})


def not_in_the_file(document: Document) -> Iterator[Finding]:
    """Warnings about logins missing in an export: KubeKey has no credentials, so it could not log in."""
    for path, login, name in logins_of(document):
        if login.credential:
            who = name if not path.endswith("jumpHost") else f"the jump host of {name}" if name else "the jump host"
            yield warning(
                "dialect.credential",
                f"{path}.credential",
                f"The login of {who} is Slipway's credential {login.credential}, which is not in the file.",
                hint="Add a password or privateKeyPath before you use the file with KubeKey.",
                hosts=(name,) if name else (),
            )


def note_for_kubekey(document: Document) -> str:
    """A comment at the top of an exported file about missing logins; empty when nothing is missing."""
    machines: dict[str, list[str]] = {}
    for path, login, name in logins_of(document):
        if login.credential:
            own = name or "all machines"
            who = f"jump host of {own}" if path.endswith("jumpHost") else own
            machines.setdefault(login.credential, []).append(who)
    lines = [
        f"{', '.join(names)}: the login is Slipway's credential {credential}, which is not in this file."
        for credential, names in machines.items()
    ]
    if lines:
        lines.append("Add password or privateKeyPath before you use this file with KubeKey.")
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)
