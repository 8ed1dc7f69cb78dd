"""Jump hosts: the routes to machines and the logins on the way, for all machines or for some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clusters.config.jump_hosts import NONE, hops_of, reached, route_text
from clusters.config.schema import JumpHost
from clusters.config.secret import Secret
from clusters.errors import ConfigError
from clusters.wizard.core.fields import choice, give_choices, laid_out, secret, secret_lines, text, wide
from clusters.wizard.machines.agent_keys import agent_text
from clusters.wizard.machines.login_choices import (
    KEY,
    Offers,
    credential_choice,
    file_choice,
    key_upload,
    kind_of,
    offer,
    uploaded_key,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from clusters.config.schema import Document, Host

ROUTES = (
    ("keep", gettext_lazy("Unchanged")),
    ("shared", gettext_lazy("Like the other machines of the cluster")),
    ("none", gettext_lazy("Directly, without a jump host")),
    ("own", gettext_lazy("Through other jump hosts")),
)
KINDS = (
    ("same", gettext_lazy("The key of the target machine")),
    ("password", gettext_lazy("Password")),
    KEY,
)
PREFIX = "jump"


class JumpForm(forms.Form):
    """Empty fields are left unchanged if the kind of login is; secrets never have initial values."""

    way = choice(gettext_lazy("Route"), ROUTES)
    hops = text(
        gettext_lazy("Jump hosts"),
        gettext_lazy(
            "Like user@bastion.example.com:22. Separate several with commas, in order; they share one login."
            " Without a user, the machine's is used."
        ),
        mono=True,
    )
    kind = choice(
        gettext_lazy("Log in there with"),
        KINDS,
        gettext_lazy(
            "Without a separate login, the machine's key is tried, as ssh -J does. The machine's password"
            " is never sent to a jump host."
        ),
    )
    password = secret(gettext_lazy("Password"), gettext_lazy("For the user on the jump host; not used for sudo."))
    private_key = secret_lines(
        gettext_lazy("Private key"), gettext_lazy("The whole file, from BEGIN to END, without a passphrase.")
    )
    key_file = key_upload()
    credential = credential_choice()
    private_key_path = file_choice()
    agent_key = agent_text()

    def clean(self) -> dict[str, Any]:
        """Check that the jump hosts are valid and that the chosen login is complete."""
        cleaned = uploaded_key(self.cleaned_data)
        if cleaned.get("way", "own") != "own":
            return cleaned
        self._clean_hops(cleaned.get("hops", ""))
        stored: JumpHost = self.initial["stored"]
        for kind, name, there, problem in (
            ("password", "password", stored.password, _("Enter the password.")),
            ("key", "private_key", stored.private_key, _("Paste the key, or upload its file.")),
            ("credential", "credential", None, _("Choose a credential.")),
            ("path", "private_key_path", None, _("Choose a file.")),
        ):
            if cleaned.get("kind") == kind and cleaned.get("hops") and not cleaned.get(name) and not there:
                self.add_error(name, problem)
        return cleaned

    def _clean_hops(self, typed: str) -> None:
        try:
            found = hops_of(typed)
        except ConfigError as wrong:
            self.add_error("hops", wrong.with_hint)
            return
        if not found and "way" in self.fields:
            self.add_error("hops", _("Enter a jump host."))


def shared_form(document: Document, offers: Offers, data: Any = None, files: Any = None) -> JumpForm:
    """The form for the jump hosts of all machines."""
    form = _form(document.jump_host, offers, data, files)
    del form.fields["way"]
    form.fields["hops"].help_text = f"{form.fields['hops'].help_text} {_('Empty: the machines are reached directly.')}"
    return laid_out(form, wide("hops"), *_login_rows())


def own_form(
    document: Document, hosts: Sequence[Host], offers: Offers, data: Any = None, files: Any = None
) -> JumpForm:
    """The form for some machines."""
    first = hosts[0].jump_host
    alike = all(host.jump_host == first for host in hosts)
    form = _form(first if alike else JumpHost(), offers, data, files)
    form.initial["way"] = (_way(first) if alike else "keep") if len(hosts) == 1 else "keep"
    shared = route_text(hosts[0].model_copy(update={"jump_host": document.jump_host})) or _("directly")
    routes = [(way, f"{words} ({shared})" if way == "shared" else words) for way, words in ROUTES]
    give_choices(form.fields["way"], routes[1:] if len(hosts) == 1 else routes)
    return laid_out(form, wide("way"), wide("hops", css="only-own"), *_login_rows("only-own"))


def _form(stored: JumpHost, offers: Offers, data: Any, files: Any) -> JumpForm:
    shown = JumpHost() if stored.hops.strip().lower() == NONE else stored
    initial = {"stored": shown, "kind": kind_of(shown, offers) or "same", "hops": shown.hops}
    initial |= {name: getattr(shown, name) for name in ("private_key_path", "agent_key", "credential")}
    form = JumpForm(data, files, prefix=PREFIX, initial=initial)
    give_choices(form.fields["kind"], offer(form, KINDS, offers, [shown]))
    for name in ("password", "private_key"):
        if getattr(shown, name):
            form.fields[name].widget.attrs["placeholder"] = _("•••••• stored")
    return form


def _login_rows(css: str = "") -> list[Any]:
    kinds: tuple[tuple[str, str], ...]
    kinds = (("password", "password"), ("private_key", "key"), ("key_file", "key"), ("credential", "credential"))
    kinds += (("private_key_path", "path"), ("agent_key", "agent"))
    return [wide("kind", css=css), *(wide(name, css=f"only-{kind} {css}") for name, kind in kinds)]


def _way(jump: JumpHost) -> str:
    return "none" if jump.hops.strip().lower() == NONE else "own" if jump.hops else "shared"


def with_shared_jump(document: Document, cleaned: dict[str, Any]) -> Document:
    """The document with this jump host for all machines without their own setting."""
    return document.model_copy(update={"jump_host": _written(document.jump_host, cleaned)})


def with_own_jump(document: Document, places: Collection[int], cleaned: dict[str, Any]) -> Document:
    """The document with this route to the machines at these positions."""
    way = cleaned.get("way") or "keep"
    if way == "keep":
        return document

    def changed(host: Host) -> Host:
        jumps = {"shared": JumpHost(), "none": JumpHost(hops=NONE)}
        return host.model_copy(update={"jump_host": jumps.get(way) or _written(host.jump_host, cleaned)})

    hosts = tuple(changed(host) if place in places else host for place, host in enumerate(document.hosts))
    return document.model_copy(update={"hosts": hosts})


def _written(before: JumpHost, cleaned: dict[str, Any]) -> JumpHost:
    """A jump host as typed. Without hops it is empty; another kind of login replaces the old login."""
    if not cleaned.get("hops") or cleaned["hops"].strip().lower() == NONE:
        return JumpHost()
    kind = cleaned.get("kind") or "same"
    # The form asks for a key in place of a path that this server does not offer; the key replaces the path.
    stored = "path" if before.private_key_path and not before.private_key else kind_of(before, Offers())
    base = before if kind == (stored or "same") else JumpHost()
    update: dict[str, Any] = {"hops": cleaned["hops"]}
    if kind == "password" and cleaned.get("password"):
        update["password"] = Secret(cleaned["password"])
    elif kind == "key" and cleaned.get("private_key"):
        update["private_key"] = Secret(cleaned["private_key"])
    elif kind == "path":
        update["private_key_path"] = cleaned.get("private_key_path", "")
    elif kind == "credential":
        update["credential"] = cleaned.get("credential", "")
    elif kind == "agent":
        update["agent_key"] = cleaned.get("agent_key") or "any"
    return base.model_copy(update=update)


def routes_of(document: Document, hosts: Sequence[Host]) -> str:
    """The current routes to these machines, as text."""
    routes = {route_text(reached(document, host)) for host in hosts}
    if len(routes) > 1:
        return _("by different routes")
    route = next(iter(routes), "")
    return _("through %(way)s") % {"way": route} if route else _("directly")
