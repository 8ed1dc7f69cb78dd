"""The login of one or many machines in one form, and names for many machines by a pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crispy_forms.layout import Div
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clusters.config.secret import Secret
from clusters.wizard.core.fields import choice, give_choices, laid_out, number, secret, secret_lines, text, tick, wide
from clusters.wizard.machines.agent_keys import agent_text
from clusters.wizard.machines.login_choices import (
    KEY,
    credential_choice,
    file_choice,
    key_upload,
    kind_of,
    offer,
    uploaded_key,
)
from clusters.wizard.machines.role_groups import follow

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from clusters.config.schema import Document, Host
    from clusters.wizard.machines.login_choices import Offers

KINDS = (
    ("keep", gettext_lazy("Unchanged")),
    ("password", gettext_lazy("Password")),
    KEY,
)


class LoginForm(forms.Form):
    """Empty fields are left unchanged; secrets never have initial values."""

    kind = choice(gettext_lazy("Log in with"), KINDS)
    user = text(gettext_lazy("User"), gettext_lazy("Empty: unchanged for each machine."), mono=True)
    port = number(gettext_lazy("SSH port"), gettext_lazy("Empty: unchanged for each machine."))
    password = secret(gettext_lazy("Password"), gettext_lazy("Also used for sudo. Empty: unchanged."))
    private_key = secret_lines(
        gettext_lazy("Private key"), gettext_lazy("The whole file, from BEGIN to END, without a passphrase.")
    )
    key_file = key_upload()
    credential = credential_choice()
    private_key_path = file_choice()
    agent_key = agent_text()
    forget_password = tick(gettext_lazy("Forget the stored password"))
    forget_key = tick(gettext_lazy("Forget the stored private key"))

    def clean(self) -> dict[str, Any]:
        """Check that the chosen login is complete and not removed in the same request."""
        cleaned = uploaded_key(self.cleaned_data)
        if cleaned.get("kind") == "path" and not cleaned.get("private_key_path"):
            self.add_error("private_key_path", _("Choose a file."))
        if cleaned.get("kind") == "credential" and not cleaned.get("credential"):
            self.add_error("credential", _("Choose a credential."))
        if cleaned.get("kind") == "key" and not cleaned.get("private_key") and not self.initial.get("has_key"):
            self.add_error("private_key", _("Paste the key, or upload its file."))
        if cleaned.get("forget_password") and cleaned.get("password"):
            self.add_error("forget_password", _("Set a password or forget it, not both."))
        return cleaned


def login_form(hosts: Sequence[Host], offers: Offers, data: Any = None, files: Any = None) -> LoginForm:
    """The form for these machines, with what they have in common."""
    initial: dict[str, Any] = {"kind": "keep", "has_key": any(host.private_key for host in hosts)}
    if len(hosts) == 1:
        host = hosts[0]
        initial |= {"user": host.user, "port": host.port, "private_key_path": host.private_key_path}
        initial |= {"kind": kind_of(host, offers) or "password", "agent_key": host.agent_key}
        initial["credential"] = host.credential
    form = LoginForm(data, files, initial=initial)
    kinds = offer(form, KINDS, offers, hosts)
    give_choices(form.fields["kind"], kinds[1:] if len(hosts) == 1 else kinds)
    if len(hosts) == 1:
        form.fields["user"].help_text = form.fields["port"].help_text = ""
    if any(host.password for host in hosts):
        form.fields["password"].widget.attrs["placeholder"] = _("•••••• stored")
    if any(host.private_key for host in hosts):
        form.fields["private_key"].widget.attrs["placeholder"] = _("•••••• stored")
    forget = [
        name
        for name, there in (
            ("forget_password", any(host.password for host in hosts)),
            ("forget_key", any(host.private_key for host in hosts)),
        )
        if there
    ]
    rows = ["user", "port", "kind", "password", wide("private_key", css="only-key"), wide("key_file", css="only-key")]
    rows += [wide("credential", css="only-credential"), wide("private_key_path", css="only-path")]
    rows += [wide("agent_key", css="only-agent")]
    return laid_out(form, *rows, *([Div(*forget, css_class="field-wide")] if forget else []))


def with_login(document: Document, places: Collection[int], cleaned: dict[str, Any]) -> Document:
    """The document with this login for the machines at these positions."""
    hosts = tuple(_logged_in(host, cleaned) if place in places else host for place, host in enumerate(document.hosts))
    return document.model_copy(update={"hosts": hosts})


def _logged_in(host: Host, cleaned: dict[str, Any]) -> Host:
    update: dict[str, Any] = {}
    if cleaned.get("user"):
        update["user"] = cleaned["user"]
    if cleaned.get("port") is not None:
        update["port"] = cleaned["port"]
    if cleaned.get("password"):
        update["password"] = Secret(cleaned["password"])
    update |= _of_kind(host, cleaned, has_password=bool(update.get("password") or host.password))
    if cleaned.get("forget_password"):
        update["password"] = None
    if cleaned.get("forget_key"):
        update["private_key"] = None
    return host.model_copy(update=update)


_NO_OTHER: dict[str, Any] = {"private_key": None, "private_key_path": "", "agent_key": "", "credential": ""}


def _of_kind(host: Host, cleaned: dict[str, Any], *, has_password: bool) -> dict[str, Any]:
    """The login of the chosen kind replaces the others, if it is complete."""
    kind = cleaned.get("kind")
    if kind == "key" and (cleaned.get("private_key") or host.private_key):
        key = Secret(cleaned["private_key"]) if cleaned.get("private_key") else host.private_key
        return _NO_OTHER | {"private_key": key}
    if kind == "path" and cleaned.get("private_key_path"):
        return _NO_OTHER | {"private_key_path": cleaned["private_key_path"]}
    if kind == "credential" and cleaned.get("credential"):
        return _NO_OTHER | {"password": None, "credential": cleaned["credential"]}
    if kind == "agent":
        return _NO_OTHER | {"agent_key": cleaned.get("agent_key") or "any"}
    return dict(_NO_OTHER) if kind == "password" and has_password else {}


class RenameForm(forms.Form):
    """A pattern with a number in it."""

    pattern = text(
        gettext_lazy("Pattern"), gettext_lazy("{n} is the number, {nn} has two digits: node-{nn}."), mono=True
    )
    start = number(gettext_lazy("First number"))


def rename_form(data: Any = None) -> RenameForm:
    """The form; the initial pattern is node-{n}, starting at 1."""
    return laid_out(RenameForm(data, initial={"pattern": "node-{n}", "start": 1}), "pattern", "start")


def new_names(document: Document, places: Sequence[int], pattern: str, start: int) -> list[tuple[str, str, str]]:
    """Old name, new name and the reason why it is not possible, for each machine."""
    others = {host.name for place, host in enumerate(document.hosts) if place not in places} - {""}
    found: list[tuple[str, str, str]] = []
    used: set[str] = set()
    for number_, place in enumerate(places, start=start):
        name = _numbered(pattern, number_)
        why = _("A machine named %(name)s already exists.") % {"name": name} if name in others | used else ""
        used.add(name)
        found.append((document.hosts[place].name, name, why))
    return found


def _numbered(pattern: str, value: int) -> str:
    text_ = pattern.strip()
    for digits in (4, 3, 2, 1):
        text_ = text_.replace("{" + "n" * digits + "}", str(value).zfill(digits))
    return text_


def renamed(document: Document, places: Sequence[int], names: Sequence[str]) -> Document:
    """The document with these names at these positions, also in the role groups."""
    fresh = dict(zip(places, names, strict=True))
    hosts = tuple(
        host.model_copy(update={"name": fresh[place]}) if place in fresh else host
        for place, host in enumerate(document.hosts)
    )
    moved = {document.hosts[place].name: name for place, name in fresh.items() if document.hosts[place].name}
    groups = follow(document.role_groups, {old: new for old, new in moved.items() if old != new})
    return document.model_copy(update={"hosts": hosts, "role_groups": groups})
