"""Choices of login forms besides a password: pasted or uploaded keys, credentials, key files, agent keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clusters.remote.auth.keys import LARGEST_KEY
from clusters.selectors import offered_key_files, usable_names
from clusters.wizard.core.fields import choice, give_choices
from clusters.wizard.machines.agent_keys import agent_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import User

    from clusters.config.schema import Host, JumpHost
    from clusters.models import Cluster
    from clusters.wizard.core.fields import Words

KEY = ("key", gettext_lazy("Private key, pasted or uploaded"))


@dataclass(frozen=True, slots=True)
class Offers:
    """Names of credentials that both this user and the cluster's owner may use, and of key files on offer."""

    credentials: tuple[str, ...] = ()
    key_files: tuple[str, ...] = ()


def offers_for(user: User, cluster: Cluster) -> Offers:
    """What this user may choose for machines of this cluster."""
    return Offers(tuple(usable_names(user, cluster.owner)), tuple(offered_key_files()))


def key_upload() -> forms.FileField:
    """The upload field for a private key."""
    widget = forms.FileInput()
    return forms.FileField(
        label=gettext_lazy("Or the key's file"), required=False, widget=widget, allow_empty_file=True,
        help_text=gettext_lazy("From your computer; stored encrypted, in place of a pasted key."),
    )  # fmt: skip


def uploaded_key(cleaned: dict[str, Any]) -> dict[str, Any]:
    """The cleaned values with the uploaded file as private key. Raises ValidationError if the file is not text."""
    upload = cleaned.get("key_file")
    if not upload:
        return cleaned
    content = upload.read(LARGEST_KEY + 1)
    if len(content) > LARGEST_KEY:
        raise forms.ValidationError({"key_file": _("A private key can have at most 64 KB.")})
    try:
        return {**cleaned, "private_key": content.decode()}
    except UnicodeDecodeError:
        raise forms.ValidationError({"key_file": _("This is not a private key: the file is not text.")}) from None


def credential_choice() -> forms.ChoiceField:
    """The choice of a credential; `offer` fills it."""
    return choice(
        gettext_lazy("Credential"), (), gettext_lazy("Its user, password and key are used, but not shown to you.")
    )


def file_choice() -> forms.ChoiceField:
    """The choice of a key file of this server; `offer` fills it."""
    return choice(gettext_lazy("Key file"), (), gettext_lazy("Offered by the administrator of this Slipway."))


def offer(
    form: forms.Form, kinds: Sequence[tuple[str, Words]], offers: Offers, logins: Sequence[Host | JumpHost]
) -> list[tuple[str, Words]]:
    """Fill the choices of a form; returns the available kinds of login. Choices in use stay available."""
    credentials = _with_used(offers.credentials, [each.credential for each in logins])
    in_use = [each.private_key_path for each in logins if each.private_key_path in offers.key_files]
    files = _with_used(offers.key_files, in_use)
    give_choices(form.fields["credential"], [(name, name) for name in credentials])
    give_choices(form.fields["private_key_path"], [(name, name) for name in files])
    found = list(kinds)
    if credentials:
        found.append(("credential", _("Credential")))
    if files:
        found.append(("path", _("Key file of this server")))
    return [*found, *agent_kind(used=any(each.agent_key for each in logins))]


def kind_of(login: Host | JumpHost, offers: Offers) -> str:
    """The kind that a login uses now; "key" for a path that this server does not offer. Empty without a login."""
    path = login.private_key_path
    kinds = (
        ("credential", login.credential),
        ("key", login.private_key),
        ("path", path in offers.key_files),
        ("key", path),
        ("agent", login.agent_key),
        ("password", login.password),
    )
    return next((kind for kind, there in kinds if there), "")


def paths_to_replace(logins: Sequence[Host | JumpHost], offers: Offers) -> list[str]:
    """Paths of key files that are not on this server; the key itself is required instead."""
    return sorted({each.private_key_path for each in logins if kind_of(each, offers) == "key"} - {""})


def _with_used(offered: Sequence[str], used: Sequence[str]) -> list[str]:
    return [*offered, *sorted({name for name in used if name} - set(offered))]
