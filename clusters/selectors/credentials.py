"""Credentials as users see them: which they may use and change, without any secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import Http404

from clusters.models import Credential
from clusters.runs.access.key_files import OfferedKeys
from clusters.selectors.access import foreign_credential_opened

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import AnonymousUser, User


@dataclass(frozen=True, slots=True)
class CredentialView:
    """A credential without its secrets. `holds` lists its login methods: password, key, passphrase, agent."""

    pk: int
    name: str
    owner: str
    login: str
    holds: tuple[str, ...]
    networks: str
    users: tuple[str, ...]
    changed_at: datetime
    is_administered: bool


def credentials_for(user: User | AnonymousUser) -> list[CredentialView]:
    """The credentials that this user may use, by name."""
    if not user.is_authenticated:
        return []
    own = set(Credential.objects.administered_by(user).values_list("pk", flat=True))
    found = Credential.objects.usable_by(user).select_related("owner").prefetch_related("users")
    return [_view(each, administered=each.pk in own) for each in found]


def credential_for(user: User | AnonymousUser, pk: int) -> Credential:
    """The credential, to change it; Http404 for users who may not, as if there were none."""
    found = None if not user.is_authenticated else Credential.objects.administered_by(user).filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such credential.")
    if found.owner_id != user.pk:
        foreign_credential_opened.send(sender=Credential, user=user, credential=found)
    return found


def credential_view(credential: Credential) -> CredentialView:
    """A credential as its owner or an administrator sees it."""
    return _view(credential, administered=True)


def usable_names(user: User | None, owner: User | None) -> list[str]:
    """The credentials that a user may choose for machines of this owner's cluster."""
    found = Credential.objects.usable_for(owner, user)
    return list(found.values_list("name", flat=True))


def offered_key_files() -> list[str]:
    """The key files that the administrator offers (SLIPWAY_KEY_DIR)."""
    return OfferedKeys().names()


def _view(credential: Credential, *, administered: bool) -> CredentialView:
    fields = (("password", "password"), ("private_key", "key"), ("passphrase", "passphrase"), ("agent_key", "agent"))
    return CredentialView(
        pk=credential.pk,
        name=credential.name,
        owner=credential.owner.get_username() if credential.owner else "",
        login=credential.login,
        holds=tuple(word for field, word in fields if getattr(credential, field)),
        networks=credential.networks,
        users=tuple(sorted(each.get_username() for each in credential.users.all())) if administered else (),
        changed_at=credential.changed_at,
        is_administered=administered,
    )
