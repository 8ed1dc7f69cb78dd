"""Logins: resolves a document's credentials and key files when something is about to log in.

For a document from a browser, Slipway opens only files in SLIPWAY_KEY_DIR. A credential is used only if both the
cluster's owner and the person who requested the run may use it. The owner, because the author of the document chooses
the machines that receive passwords; an administrator who starts the run must not extend the owner's rights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusters.config.jump_hosts import hops_of, reached
from clusters.config.logins import credential_names, logins_of, needs_key_file
from clusters.config.secret import Secret
from clusters.config.secrets.finder import secrets_in
from clusters.config.syntax import address_of, network_of
from clusters.errors import ConfigError, RemoteError
from clusters.models import Credential
from clusters.remote.auth.keys import decrypt_key
from clusters.remote.target import credential_refused
from clusters.runs.access.key_files import KeyFiles, OfferedKeys
from clusters.runs.documents import commented_secrets, read_document, secrets_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.contrib.auth.models import User

    from clusters.config.schema import Document, Host, JumpHost
    from clusters.models import Cluster


@dataclass(frozen=True, slots=True)
class Logins:
    """A document with complete login data, only in this process's memory; it is never stored.

    `refused` are the credentials that may not be used: they stay in the document, where a login raises
    CredentialRefused. `secrets` are all that must be masked.
    """

    document: Document
    refused: tuple[str, ...]
    secrets: tuple[Secret, ...]

    def require_all(self) -> None:
        """Raises CredentialRefused when a credential may not be used."""
        if self.refused:
            raise credential_refused(self.refused[0])


def logins_for(
    document: Document,
    cluster: Cluster,
    asked_by: User | None,
    key_files: KeyFiles | None = None,
    *,
    text: str = "",
    resumes: bool = False,
) -> Logins:
    """The document with its credentials and key files, by the rights of the cluster's owner and of the requester.

    `text` is the stored document: the secrets in its comments must be masked, too. `resumes`: a run that has started
    continues although its requester was deactivated meanwhile. A key file that cannot be used stays a
    path, for which a login raises KeyUnreadable.
    """
    known = granted_credentials(credential_names(document), cluster.owner, asked_by, resumes=resumes)
    resolver = _Resolver(known, key_files or OfferedKeys())
    found = resolver.resolve(document)
    refused = sorted({login.credential for _path, login, _name in logins_of(found) if login.credential})
    # Hundreds of machines may share one key, and adding a mask takes time.
    all_secrets = (*secrets_in(found), *commented_secrets(text), *_secrets(known.values()))
    secrets = {secret.reveal(): secret for secret in all_secrets}
    return Logins(found, tuple(refused), tuple(secrets.values()))


def granted_credentials(
    names: Iterable[str], owner: User | None, asked_by: User | None, *, resumes: bool = False
) -> dict[str, Credential]:
    """The credentials with these names that both may use, by name; `resumes`: see `logins_for`."""
    names = list(names)
    if not names:
        return {}
    found = Credential.objects.usable_for(owner, asked_by, is_started=resumes).filter(name__in=names)
    return {each.name: each for each in found}


def versions_of(document: Document) -> dict[str, int]:
    """Credential -> the number of its current version, for those that a document names."""
    names = credential_names(document)
    return dict(Credential.objects.filter(name__in=names).values_list("name", "version")) if names else {}


def known_secrets(text: str) -> Iterator[Secret]:
    """Every secret in stored text and in the credentials that it names, regardless of rights: for masks.

    Raises ConfigError as `read_document`.
    """
    yield from secrets_of(text)
    names = credential_names(read_document(text))
    if names:
        yield from _secrets(Credential.objects.filter(name__in=names))


def fits(credential: Credential, addresses: Iterable[str]) -> bool:
    """Whether a credential may be used for all of these addresses. Host names do not count: they can be redirected."""
    networks = [each.strip() for each in credential.networks.split(",") if each.strip()]
    return not networks or all(_is_within(address, networks) for address in addresses)


def _is_within(address: str, networks: list[str]) -> bool:
    ip = address_of(address)
    if ip is None:
        return False
    return any(ip in network if (network := network_of(each)) else ip == address_of(each) for each in networks)


def _secrets(credentials: Iterable[Credential]) -> Iterator[Secret]:
    for each in credentials:
        yield from (Secret(text) for text in (each.password, each.private_key, each.passphrase) if text)


class _Resolver:
    """Puts logins into a document; reads each key file once, and uses each passphrase once, because that is slow."""

    def __init__(self, known: Mapping[str, Credential], files: KeyFiles) -> None:
        self._known = known
        self._files = files
        self._keys: dict[str, Secret | None] = {}
        self._decrypted: dict[str, Secret | None] = {}

    def resolve(self, document: Document) -> Document:
        """The document with every known login."""
        hosts = tuple(self._host(host, reached(document, host)) for host in document.hosts)
        shared = self._jump(document.jump_host, document.jump_host.hops)
        return document.model_copy(update={"hosts": hosts, "jump_host": shared})

    def _host(self, host: Host, whole: Host) -> Host:
        """`whole` is the host with the jump host that applies to it."""
        update: dict[str, Any] = {"jump_host": self._jump(host.jump_host, host.jump_host.hops)}
        credential = self._known.get(host.credential)
        if credential and fits(credential, [host.ssh_address.strip(), *_addresses(whole.jump_host.hops)]):
            update |= self._login(credential) | {"user": credential.login or host.user}
        elif needs_key_file(host):
            update |= self._from_file(host.private_key_path)
        elif not host.has_login and (default := self._default()):
            update["private_key"] = default
        return host.model_copy(update=update)

    def _jump(self, jump: JumpHost, hops: str) -> JumpHost:
        credential = self._known.get(jump.credential)
        if credential and fits(credential, _addresses(hops)):
            return jump.model_copy(update=self._login(credential) | {"hops": _as_user(hops, credential.login)})
        return jump.model_copy(update=self._from_file(jump.private_key_path)) if needs_key_file(jump) else jump

    def _login(self, credential: Credential) -> dict[str, Any]:
        if credential.name not in self._decrypted:
            self._decrypted[credential.name] = _decrypt_key(credential)
        key = self._decrypted[credential.name]
        password = Secret(credential.password) if credential.password else None
        login = {"password": password, "private_key": key, "agent_key": credential.agent_key}
        return login | {"private_key_path": "", "credential": ""}

    def _from_file(self, path: str) -> dict[str, Any]:
        if path not in self._keys:
            try:
                self._keys[path] = self._files.read(path)
            except RemoteError:
                self._keys[path] = None
        key = self._keys[path]
        return {"private_key": key, "private_key_path": ""} if key else {}

    def _default(self) -> Secret | None:
        if "" not in self._keys:
            self._keys[""] = self._files.default()
        return self._keys[""]


def _decrypt_key(credential: Credential) -> Secret | None:
    key = Secret(credential.private_key) if credential.private_key else None
    if key and credential.passphrase:
        return decrypt_key(key, Secret(credential.passphrase), f"the key of the credential {credential.name}")
    return key


def _addresses(hops: str) -> list[str]:
    try:
        return [hop.address for hop in hops_of(hops)]
    except ConfigError:
        return [hops]  # not an address: nothing fits, and the rules report the error


def _as_user(hops: str, user: str) -> str:
    """The hops, with the credential's user where they name none."""
    try:
        return ",".join(str(hop) if hop.user or not user else f"{user}@{hop}" for hop in hops_of(hops))
    except ConfigError:
        return hops
