"""Machines: one row a machine, with credentials that go in and never come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clusters.config.schema import Host
from clusters.config.secret import Secret
from clusters.services import practice_machines
from clusters.wizard.fields import choice, describe, number, text
from clusters.wizard.page import Page
from clusters.wizard.rename import follow

if TYPE_CHECKING:
    from django.http import QueryDict

    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.wizard.page import PageForm

PREFIX = "host"
MOST_ROWS = 1000
KEPT = "•••••• kept"
NEW = ""
"""The row id of a machine that is not stored yet; a stored one has its place in the document."""
CREDENTIALS = (("password", _("Password")), ("key", _("Private key")), ("path", _("Key file on this server")))
FIELDS = {
    "name": "name",
    "address": "address",
    "internalAddress": "internal_address",
    "port": "port",
    "user": "user",
    "password": "password",
    "privateKey": "private_key",
    "privateKeyPath": "private_key_path",
}
"""Key in the document -> field of the row."""


def _secret(label: Any, widget: type[forms.Widget], **attrs: str) -> forms.CharField:
    attrs = {"class": "form-control mono-input", "spellcheck": "false", **attrs}
    return forms.CharField(label=label, required=False, strip=False, max_length=65536, widget=widget(attrs=attrs))


class MachineForm(forms.Form):
    """One machine. Secrets are never given as initial values: the page cannot show what it does not have."""

    row = forms.CharField(required=False, widget=forms.HiddenInput)
    name = text(_("Name"), mono=True)
    address = text(_("Address"), mono=True)
    internal_address = text(_("Internal address"), mono=True)
    port = number(_("SSH port"))
    user = text(_("User"), mono=True)
    credential = choice(_("Log in with"), CREDENTIALS)
    password = _secret(_("Password"), forms.PasswordInput, autocomplete="new-password")
    private_key = _secret(_("Private key"), forms.Textarea, rows="3", autocomplete="off")
    private_key_path = text(_("Path of the key file"), mono=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self)

    def says_something(self) -> bool:
        """Whether a new row is more than the empty row it started as."""
        told = ("name", "address", "internal_address", "password", "private_key", "private_key_path")
        return any(self.cleaned_data.get(name) for name in told)


def _initial(host: Host, row: int) -> dict[str, Any]:
    kind = "key" if host.private_key else "path" if host.private_key_path else "password"
    plain = ("name", "address", "internal_address", "port", "user", "private_key_path")
    return {"row": str(row), "credential": kind, **{name: getattr(host, name) for name in plain}}


class Machines:
    """The rows of a document, or of what was posted; after `written` each row knows its new place."""

    def __init__(self, document: Document, data: QueryDict | None, extra: int = 0) -> None:
        self._document = document
        make = forms.formset_factory(
            MachineForm, extra=extra, can_delete=True, max_num=MOST_ROWS, absolute_max=MOST_ROWS
        )
        initial = [_initial(host, row) for row, host in enumerate(document.hosts)]
        self.formset = make(data, prefix=PREFIX, initial=initial)
        for form in self.formset.forms:
            self._place_holders(form)
        self._refused: dict[str, list[str]] = {}
        self._rows = {form.prefix: row for row, form in enumerate(self.formset.forms) if row < len(document.hosts)}

    def _place_holders(self, form: forms.BaseForm) -> None:
        host = self._stored(str(form["row"].value() or ""))
        if host is not None and host.password:
            form.fields["password"].widget.attrs["placeholder"] = KEPT
        if host is not None and host.private_key:
            form.fields["private_key"].widget.attrs["placeholder"] = KEPT
        if form.initial.get("port") is None:
            form.initial = {"port": 22, "user": "root", **form.initial}

    def _stored(self, row: str) -> Host | None:
        hosts = self._document.hosts
        return hosts[int(row)] if row.isascii() and row.isdigit() and len(row) < 6 and int(row) < len(hosts) else None

    def is_valid(self) -> bool:
        """Whether every row can be stored as typed."""
        return bool(self.formset.is_valid()) and not self._refused

    def written(self, document: Document) -> Document:
        """The document with the rows as posted; what cannot be stored keeps what its own row held before."""
        self.formset.is_valid()
        hosts: list[Host] = []
        moved: dict[str, str] = {host.name: "" for host in document.hosts if host.name}
        self._rows = {}
        taken: set[str] = set()
        for form in self.formset.forms:
            if form.cleaned_data.get("DELETE"):
                continue
            before = self._stored(form.cleaned_data.get("row", NEW))
            if before is None and not form.says_something():
                continue
            host = self._host(form, before, taken)
            taken.add(host.name)
            if before is not None and before.name:
                moved[before.name] = host.name
            self._rows[form.prefix] = len(hosts)
            hosts.append(host)
        changed = {old: new for old, new in moved.items() if old != new}
        groups = follow(document.role_groups, changed)
        return document.model_copy(update={"hosts": tuple(hosts), "role_groups": groups})

    def _host(self, form: Any, before: Host | None, taken: set[str]) -> Host:
        host, cleaned = before or Host(), form.cleaned_data
        plain = ("address", "internal_address", "user")
        update: dict[str, Any] = {name: cleaned[name] for name in plain if name in cleaned}
        update["user"] = update.get("user") or "root"
        if cleaned.get("port") is not None:
            update["port"] = cleaned["port"]
        update["name"] = self._name(form, before, taken)
        return host.model_copy(update={**update, **_credentials(host, cleaned)})

    def _name(self, form: Any, before: Host | None, taken: set[str]) -> str:
        """Roles follow names, so a name that is empty or taken for a moment must not lose or merge them."""
        name: str = form.cleaned_data.get("name", "")
        old = before.name if before else ""
        others = {host.name for host in self._document.hosts if host is not before} - {""}
        where = form["name"].html_name
        if not name and old:
            self._refused[where] = [f"A machine needs a name; it is still called {old}."]
            return old
        if name and name != old and (name in taken or name in others):
            kept = f"; this one is still called {old}" if old else ""
            self._refused[where] = [f"Another machine is called {name}{kept}."]
            return old
        return name

    def names(self) -> tuple[str, ...]:
        """Every place of every row."""
        fields = tuple(FIELDS.values())
        return tuple(f"{form.prefix}-{field}" for form in self.formset.forms for field in fields)

    def refusals(self) -> dict[str, list[str]]:
        """What of the rows is not stored as typed."""
        if not self.formset.is_bound:
            return {}
        found = {
            form[name].html_name: [str(text) for text in errors]
            for form in self.formset.forms
            for name, errors in form.errors.items()
            if name in form.fields
        }
        return {**found, **self._refused}

    def place(self, path: str) -> str:
        """The field of the row that now has the place named in the path."""
        parts = path.removeprefix("spec.hosts.").split(".")
        prefix = next((prefix for prefix, row in self._rows.items() if str(row) == parts[0]), "")
        field = FIELDS.get(parts[1] if len(parts) > 1 else "name", "name")
        return f"{prefix}-{field}" if prefix else ""

    def row_ids(self) -> list[tuple[str, str]]:
        """Id of the hidden input -> the place its machine has now; a row that is not stored has none."""
        return [
            (form["row"].id_for_label or f"id_{form.prefix}-row", str(self._rows.get(form.prefix, NEW)))
            for form in self.formset.forms
        ]


def _credentials(host: Host, cleaned: dict[str, Any]) -> dict[str, Any]:
    """Nothing typed keeps what is stored; a key is given up only when the other kind of login is there."""
    password = Secret(cleaned["password"]) if cleaned.get("password") else host.password
    key = Secret(cleaned["private_key"]) if cleaned.get("private_key") else host.private_key
    path = cleaned.get("private_key_path", host.private_key_path)
    kind = cleaned.get("credential")
    if kind == "password" and password:
        key, path = None, ""
    elif kind == "key" and key:
        path = ""
    elif kind == "path" and path:
        key = None
    return {"password": password, "private_key": key, "private_key_path": path}


def bind(document: Document, data: QueryDict | None) -> PageForm:
    """The rows of a document; without machines, one empty row to begin with."""
    return Machines(document, data, extra=0 if document.hosts else 1)


def context(cluster: Cluster, document: Document, form: PageForm) -> dict[str, Any]:
    """Whether there are practice machines to use."""
    return {"practice": practice_machines()}


PAGE = Page(
    slug="machines",
    order=10,
    title=_("Machines"),
    lead=_("The Linux machines that become your cluster. Slipway reaches them over SSH; nothing has to be on them."),
    icon="server",
    sections=("spec.hosts",),
    bind=bind,
    context=context,
)
