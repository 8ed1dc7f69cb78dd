"""Rows of machines: what the table shows and what was posted; rows that were not posted are unchanged.

A token identifies the machine of a row. A row counts as posted when its name is, so a page may send only changed rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clusters.config.jump_hosts import route_text
from clusters.config.rules.hosts import ARCHITECTURES
from clusters.config.schema import Host
from clusters.config.secret import Secret
from clusters.numbers import whole_number
from clusters.wizard.core.fields import TemplatePart, laid_out, number, secret, text, typed_again
from clusters.wizard.machines.role_groups import follow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.http import QueryDict

    from clusters.config.schema import Document
    from clusters.wizard.core.page import Problem

PREFIX = "host"
MOST_ROWS = 1000
FIELDS = {
    "name": "name",
    "address": "address",
    "internalAddress": "internal_address",
    "port": "port",
    "user": "user",
    "password": "password",
    "privateKey": "password",
    "privateKeyPath": "password",
    "agentKey": "password",
    "credential": "password",
    "jumpHost": "password",
    "arch": "arch",
}
"""Key in the document -> field of the row."""
_POSTED = re.compile(rf"{PREFIX}-(\d{{1,5}})-(row|name)")


class MachineForm(forms.Form):
    """The values that may be posted for one machine; the table renders them."""

    row = forms.CharField(required=False, max_length=1000)
    name = text(gettext_lazy("Name"))
    address = text(gettext_lazy("Address"))
    internal_address = text(gettext_lazy("Internal address"))
    port = number(gettext_lazy("SSH port"))
    user = text(gettext_lazy("User"))
    arch = forms.ChoiceField(required=False, choices=[(name, name) for name in ARCHITECTURES])
    password = secret(gettext_lazy("Password"))

    def has_input(self) -> bool:
        """Whether a new row has any input."""
        return any(self.cleaned_data.get(name) for name in ("name", "address", "internal_address", "password"))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `token` is its position and name in the document, empty for a row not stored yet.

    `way` is its route if it differs from that of the other machines.
    """

    prefix: str
    token: str
    name: str = ""
    address: str = ""
    internal_address: str = ""
    port: int | str = 22
    user: str = "root"
    arch: str = "amd64"
    login: str = ""
    way: str = ""
    credential: str = ""
    problems: tuple[tuple[str, Problem], ...] = ()


def token_of(place: int, host: Host) -> str:
    """The token of a row; the name reveals that the position now belongs to another machine."""
    return f"{place}:{host.name}"


def stored_at(hosts: tuple[Host, ...], token: str) -> int | None:
    """The position of a row's machine, also after it moved; None when it is gone."""
    number, _colon, name = token.partition(":")
    place = whole_number(number, 5)
    if place is None:
        return None
    if place < len(hosts) and hosts[place].name == name:
        return place
    found = [index for index, host in enumerate(hosts) if name and host.name == name]
    return found[0] if len(found) == 1 else None


def login_word(host: Host) -> str:
    """The kind of a machine's login: credential, key, path, agent, password, key and password, or none."""
    if host.credential:
        return "credential"
    if host.has_key:
        alone = "key" if host.private_key else "path" if host.private_key_path else "agent"
        return "key+password" if host.password else alone
    return "password" if host.password else ""


def row_of(host: Host, prefix: str, place: int) -> Row:
    """A stored machine as a row."""
    return Row(
        prefix, token_of(place, host), host.name, host.address, host.internal_address,
        host.port, host.user, host.arch, login_word(host), own_route(host), host.credential,
    )  # fmt: skip


def own_route(host: Host) -> str:
    """The machine's own route; empty for a machine without one."""
    if not host.jump_host.hops:
        return ""
    hops = route_text(host)
    return _("through %(way)s") % {"way": hops} if hops else _("directly")


class Machines:
    """The rows of a document or of a POST; after `written`, each row knows its new position."""

    def __init__(self, document: Document, data: QueryDict | None, extra: int = 0) -> None:
        self._document = document
        self._extra = extra
        self._refused: dict[str, list[str]] = {}
        self._places = {f"{PREFIX}-{index}": index for index in range(len(document.hosts))}
        # For three hundred rows of eight fields, a separate template needs a tenth of the time.
        self.form = laid_out(
            MachineForm(), TemplatePart("wizard/_machines.html", *MachineForm.base_fields), css="stack"
        )
        self.bound = data is not None
        self.forms: dict[str, MachineForm] = {}
        if data is not None:
            keys = [match for key in data if (match := _POSTED.fullmatch(key))]
            named = {whole_number(match[1]) for match in keys if match[2] == "name"} - {None}
            numbers = sorted(number for number in named if number is not None)[:MOST_ROWS]
            self.forms = {f"{PREFIX}-{each}": MachineForm(data, prefix=f"{PREFIX}-{each}") for each in numbers}
            tokens = {f"{PREFIX}-{match[1]}": data.get(match[0], "") for match in keys if match[2] == "row"}
            placed = {prefix: stored_at(document.hosts, token) for prefix, token in tokens.items() if token}
            self._places = {prefix: place for prefix, place in placed.items() if place is not None}

    def is_valid(self) -> bool:
        """Whether every row can be stored as typed."""
        return all(form.is_valid() for form in self.forms.values()) and not self._refused

    def written(self, document: Document) -> Document:
        """The document with the posted rows; a value that cannot be stored keeps its previous value."""
        hosts = list(document.hosts)
        moved: dict[str, str] = {}
        used_names: set[str] = set()
        for prefix, form in self.forms.items():
            form.is_valid()
            token = form.cleaned_data.get("row", "")
            place = stored_at(document.hosts, token) if token else None
            if token and place is None:
                self._refused[f"{prefix}-name"] = [
                    _("This machine is no longer in the document; its row was not saved.")
                ]
                self._refused |= {name: [sentence] for name, sentence in typed_again(form).items()}
                continue
            if place is None and not form.has_input():
                continue
            before = document.hosts[place] if place is not None else None
            host = self._host(form, before, used_names)
            used_names.add(host.name)
            if place is None:
                self._places[prefix] = len(hosts)
                hosts.append(host)
            else:
                self._places[prefix] = place
                hosts[place] = host
                if before is not None and before.name and before.name != host.name:
                    moved[before.name] = host.name
        groups = follow(document.role_groups, moved)
        self._document = document.model_copy(update={"hosts": tuple(hosts), "role_groups": groups})
        return self._document

    def _host(self, form: MachineForm, before: Host | None, used_names: set[str]) -> Host:
        host, cleaned = before or Host(), form.cleaned_data
        update: dict[str, Any] = {key: cleaned[key] for key in ("address", "internal_address") if key in cleaned}
        update["user"] = cleaned.get("user") or "root"
        if cleaned.get("port") is not None:
            update["port"] = cleaned["port"]
        if cleaned.get("arch"):
            update["arch"] = cleaned["arch"]
        if cleaned.get("password"):
            # A credential would take precedence, and the typed password would have no effect.
            update |= {"password": Secret(cleaned["password"]), "credential": ""}
        update["name"] = self._name(form, before, used_names)
        return host.model_copy(update=update)

    def _name(self, form: MachineForm, before: Host | None, used_names: set[str]) -> str:
        """Roles refer to names, so a name that is temporarily empty or in use must not lose or merge roles."""
        name: str = form.cleaned_data.get("name", "")
        old = before.name if before else ""
        others = {host.name for host in self._document.hosts if host is not before} - {""}
        where = f"{form.prefix}-name"
        if not name and old:
            self._refused[where] = [_("Enter a name. The machine is still named %(old)s.") % {"old": old}]
            return old
        if name and name != old and (name in used_names or name in others - self._given_up()):
            message = _("Another machine is named %(name)s; this one is still named %(old)s.")
            message = message if old else _("Another machine is named %(name)s.")
            self._refused[where] = [message % {"name": name, "old": old}]
            return old
        return name

    def _given_up(self) -> set[str]:
        """Names that become free in the same POST, so that two machines can swap names."""
        found = set()
        for form in self.forms.values():
            token, name = str(form["row"].value() or ""), str(form["name"].value() or "").strip()
            place = stored_at(self._document.hosts, token) if token else None
            if place is not None and name and name != self._document.hosts[place].name:
                found.add(self._document.hosts[place].name)
        return found

    def show_others(self) -> None:
        """Also show machines that another user added after the page was opened."""
        numbers = [whole_number(prefix.rpartition("-")[2]) or 0 for prefix in (*self._places, *self.forms)]
        missing = set(range(len(self._document.hosts))) - set(self._places.values())
        for number_, place in enumerate(sorted(missing), start=max(numbers, default=-1) + 1):
            self._places[f"{PREFIX}-{number_}"] = place

    def token(self, prefix: str) -> str:
        """The token of a row after `written`; empty for a row that is not stored."""
        place = self._places.get(prefix)
        return token_of(place, self._document.hosts[place]) if place is not None else ""

    def names(self) -> tuple[str, ...]:
        """No fields: a row shows all of its problems together."""
        return ()

    def refusals(self) -> dict[str, list[str]]:
        """Field -> why its input is not stored."""
        found = {
            f"{prefix}-{name}": [str(error) for error in errors]
            for prefix, form in self.forms.items()
            for name, errors in form.errors.items()
        }
        return {**found, **self._refused}

    def place(self, path: str) -> str:
        """The field for a path, in the row that now has the path's position; "jump" for the shared jump host."""
        if path.startswith("spec.jumpHost"):
            return "jump"
        parts = path.removeprefix("spec.hosts.").split(".")
        prefix = next((prefix for prefix, place in self._places.items() if str(place) == parts[0]), "")
        field = FIELDS.get(parts[1] if len(parts) > 1 else "name", "name")
        return f"{prefix}-{field}" if prefix else ""

    def secrets(self) -> dict[str, str]:
        """The passwords that were typed."""
        return {name: text for form in self.forms.values() for name, text in typed_again(form).items()}

    def context(self, problems: Mapping[str, list[Problem]]) -> dict[str, Any]:
        """The lines of the table."""
        return {"rows": self.table_rows(problems)}

    def table_rows(self, problems: Mapping[str, Iterable[Problem]]) -> list[Row]:
        """Every row of the table with its problems; posted values where they could not be stored."""
        hosts = self._document.hosts
        lines = {prefix: row_of(hosts[place], prefix, place) for prefix, place in self._places.items()}
        for prefix in [*self.forms, *(f"{PREFIX}-{len(hosts) + index}" for index in range(self._extra))]:
            lines.setdefault(prefix, Row(prefix, ""))
        by_row: dict[str, list[tuple[str, Problem]]] = {}
        for name, found in problems.items():
            prefix, _dash, field = name.rpartition("-")
            by_row.setdefault(prefix, []).extend((field, problem) for problem in found)
        return [self._line(row, tuple(by_row.get(prefix, ()))) for prefix, row in lines.items()]

    def _line(self, row: Row, problems: tuple[tuple[str, Problem], ...]) -> Row:
        typed: dict[str, Any] = {}
        form = self.forms.get(row.prefix)
        if form is not None:
            refused = {name.rpartition("-")[2] for name in self._refused if name.startswith(f"{row.prefix}-")}
            again = {*form.errors, *refused} if row.token else set(form.fields)
            typed = {name: form[name].value() or "" for name in again if name not in ("row", "password")}
        values = {name: getattr(row, name) for name in Row.__slots__}
        return Row(**{**values, **typed, "problems": problems})


def without(document: Document, tokens: Iterable[str]) -> Document:
    """The document without these machines, also in the role groups."""
    gone = {place for token in tokens if (place := stored_at(document.hosts, token)) is not None}
    hosts = tuple(host for place, host in enumerate(document.hosts) if place not in gone)
    names = {host.name for host in hosts}
    moved = {document.hosts[place].name: "" for place in gone if document.hosts[place].name not in names | {""}}
    groups = follow(document.role_groups, moved)
    return document.model_copy(update={"hosts": hosts, "role_groups": groups})
