"""Credentials: created, rotated, shared and removed; their secrets are stored and never shown again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from clusters.config.logins import credential_names
from clusters.config.secret import Secret
from clusters.config.syntax import address_of, network_of
from clusters.errors import ConfigError, InstallerError
from clusters.models import Credential
from clusters.models.columns import longest
from clusters.remote.auth.keys import parse_key
from clusters.remote.errors import KeyEncrypted
from clusters.remote.target import credential_refused
from clusters.runs.documents import read_document
from clusters.services.audit import audited

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.contrib.auth.models import User

    from clusters.config.schema import Document

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_LOGIN = re.compile(r"[^\s:/@,-][^\s:/@,]{0,127}")


class CredentialWrong(InstallerError):
    """Invalid values of a credential. `field` is the one to change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Given:
    """The values that a user entered for a credential. None keeps the stored value, an empty text removes it.

    `login` is the user on the machines, `networks` are addresses and networks separated by commas.
    """

    login: str | None = None
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    agent_key: str | None = None
    networks: str | None = None


def credential_create(*, actor: User, name: str, given: Given, users: Collection[str] = ()) -> Credential:
    """A new credential owned by the actor, shared with the users of these names. Raises CredentialWrong."""
    if not _NAME.fullmatch(name):
        raise CredentialWrong("name", _("A name may have letters, digits, dots, '-' and '_', at most 63 characters."))
    credential = Credential(name=name, owner=actor)
    _fill(credential, given)
    people = _people(users)
    try:
        with transaction.atomic():
            credential.save(force_insert=True)
            credential.users.set(people)
            audited(actor, "credential.create", name, users=_names(people))
    except IntegrityError:
        raise CredentialWrong("name", _("This name is taken. Choose another one.")) from None
    return credential


@transaction.atomic
def credential_change(
    *, actor: User, credential: Credential, given: Given, users: Collection[str] | None = None
) -> Credential:
    """Rotate it: the given values replace the stored ones, for every document that uses it.

    `users` may use it from now on, as with `credential_share`; without it the list stays the same.

    Raises CredentialWrong, and PermissionDenied for users who are neither its owner nor an administrator.
    """
    credential = _lock(actor, credential)
    before = _values_of(credential)
    _fill(credential, given)
    changed = sorted(field for field, value in _values_of(credential).items() if value != before[field])
    if changed:
        credential.version += 1
        credential.changed_at = timezone.now()
        credential.save()
        audited(actor, "credential.change", credential.name, changed=changed)
    if users is not None:
        credential_share(actor=actor, credential=credential, users=users)
    return credential


@transaction.atomic
def credential_share(*, actor: User, credential: Credential, users: Collection[str]) -> None:
    """Set who may use it, by user names, besides its owner and administrators; others lose the right at once.

    Raises CredentialWrong for an unknown user name, and PermissionDenied.
    """
    credential = _lock(actor, credential)
    people = _people(users)
    before = set(credential.users.values_list("pk", flat=True))
    if before != {each.pk for each in people}:
        credential.users.set(people)
        audited(actor, "credential.share", credential.name, users=_names(people))


@transaction.atomic
def credential_delete(*, actor: User, credential: Credential) -> None:
    """Delete it. Documents that use it keep its name, but can no longer log in with it. Raises PermissionDenied."""
    credential = _lock(actor, credential)
    audited(actor, "credential.delete", credential.name)
    credential.delete()


def refuse_credentials(actor: User | None, document: Document) -> None:
    """Raises CredentialRefused when this user may not use a credential that the document names."""
    names = credential_names(document)
    usable = set(Credential.objects.usable_by(actor).filter(name__in=names).values_list("name", flat=True))
    for name in sorted(names - usable):
        raise credential_refused(name)


def used_in(text: str) -> dict[str, list[str]]:
    """The credentials of a stored document, for the audit; empty when it names none."""
    try:
        names = sorted(credential_names(read_document(text)))
    except ConfigError:
        return {}
    return {"credentials": names} if names else {}


def _lock(actor: User, credential: Credential) -> Credential:
    found = Credential.objects.select_for_update().administered_by(actor).filter(pk=credential.pk).first()
    if found is None:
        raise PermissionDenied("This credential belongs to another user.")
    return found


def _values_of(credential: Credential) -> dict[str, Any]:
    return {name: getattr(credential, name) for name in Given.__slots__}


def _fill(credential: Credential, given: Given) -> None:
    for name in Given.__slots__:
        value = getattr(given, name)
        if value is not None:
            setattr(credential, name, value if name in ("password", "passphrase") else value.strip())
    if not credential.private_key:
        credential.passphrase = ""
    _check(credential)


def _check(credential: Credential) -> None:
    """Raises CredentialWrong for errors that would otherwise only show during a run."""
    if credential.login and not _LOGIN.fullmatch(credential.login):
        raise CredentialWrong("login", _("This is not a valid user name."))
    if not (credential.password or credential.private_key or credential.agent_key):
        raise CredentialWrong("password", _("Enter a password or a private key."))
    if credential.private_key:
        passphrase = Secret(credential.passphrase) if credential.passphrase else None
        try:
            parse_key(Secret(credential.private_key), _("The private key"), passphrase)
        except InstallerError as error:
            field = "passphrase" if isinstance(error, KeyEncrypted) else "private_key"
            raise CredentialWrong(field, error.with_hint) from None
    for each in filter(None, (part.strip() for part in credential.networks.split(","))):
        if address_of(each) is None and network_of(each) is None:
            wrong = _("%(text)s is neither an address nor a network such as 10.0.0.0/24.")
            raise CredentialWrong("networks", wrong % {"text": each[:60]})
    for field in ("agent_key", "networks"):
        if len(getattr(credential, field)) > longest(Credential, field):
            raise CredentialWrong(field, _("This is too long."))


def _people(names: Collection[str]) -> list[User]:
    users = get_user_model()
    found = {each.get_username(): each for each in users.objects.filter(username__in=set(names))}
    unknown = sorted(set(names) - set(found))
    if unknown:
        raise CredentialWrong("users", _("User %(name)s does not exist.") % {"name": unknown[0][:60]})
    return list(found.values())


def _names(people: Collection[User]) -> list[str]:
    return sorted(each.get_username() for each in people)
