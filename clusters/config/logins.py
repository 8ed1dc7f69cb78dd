"""Logins of a document: where hosts and jump hosts name a key file or a credential, and the document with others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document, Host, JumpHost

WHERE_KK_RAN = "This path is on the computer where kk ran; upload the key."
"""What a page says of a `privateKeyPath`: Slipway opens no file because a document names it."""


def logins_of(document: Document) -> Iterator[tuple[str, Host | JumpHost, str]]:
    """Everything that has a login: its path in the document, itself, and the machine it belongs to ("" for all)."""
    for index, host in enumerate(document.hosts):
        yield f"spec.hosts.{index}", host, host.name
        yield f"spec.hosts.{index}.jumpHost", host.jump_host, host.name
    yield "spec.jumpHost", document.jump_host, ""


def needs_key_file(login: Host | JumpHost) -> bool:
    """Whether only a key file would open it: no key in the document and no credential comes before the path."""
    return bool(login.private_key_path) and not (login.private_key or login.credential)


def credential_names(document: Document) -> frozenset[str]:
    """The credentials that a document names."""
    return frozenset(login.credential for _path, login, _name in logins_of(document) if login.credential)


def without_credentials(document: Document) -> Document:
    """The document of somebody else: a credential of the same name would lend their machines a right."""

    none = {"credential": ""}

    def bare(host: Host) -> Host:
        return host.model_copy(update={**none, "jump_host": host.jump_host.model_copy(update=none)})

    hosts = tuple(map(bare, document.hosts))
    return document.model_copy(update={"hosts": hosts, "jump_host": document.jump_host.model_copy(update=none)})


def not_in_the_file(document: Document) -> Iterator[Finding]:
    """What an export does not hold: KubeKey knows no credentials, so it would log in with nothing."""
    for path, login, name in logins_of(document):
        if login.credential:
            who = name if not path.endswith("jumpHost") else f"the jump host of {name}" if name else "the jump host"
            yield warning(
                "dialect.credential",
                f"{path}.credential",
                f"The login of {who} is the credential {login.credential} of Slipway, which is not in the file.",
                hint="Write a password or privateKeyPath there before you use the file with KubeKey.",
                hosts=(name,) if name else (),
            )


def note_for_kubekey(document: Document) -> str:
    """A comment for the head of an exported file that says what is not in it; empty when nothing is missing."""
    machines: dict[str, list[str]] = {}
    for path, login, name in logins_of(document):
        if login.credential:
            own = name or "all machines"
            who = f"jump host of {own}" if path.endswith("jumpHost") else own
            machines.setdefault(login.credential, []).append(who)
    lines = [
        f"{', '.join(names)}: the login is the credential {credential} of Slipway, which is not in this file."
        for credential, names in machines.items()
    ]
    if lines:
        lines.append("Write password or privateKeyPath there before you use this file with KubeKey.")
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)
