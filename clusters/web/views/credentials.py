"""Credentials: the page that lists them, and the pages that create, rotate, share and remove them."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from crispy_forms.layout import Div
from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clusters import services
from clusters.selectors import credential_for, credential_view, credentials_for
from clusters.wizard.core.fields import laid_out, lines, secret, secret_lines, text, tick, wide
from clusters.wizard.core.page import problems_of
from clusters.wizard.machines.agent_keys import agent_kind, agent_text
from clusters.wizard.machines.login_choices import key_upload, uploaded_key

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clusters.models import Credential
    from clusters.services.requests import UserRequest

HOLDS = {
    "password": gettext_lazy("password"),
    "key": gettext_lazy("private key"),
    "passphrase": gettext_lazy("passphrase"),
    "agent": gettext_lazy("key of the agent"),
}
STORED = gettext_lazy("•••••• stored")
SECRETS = ("password", "private_key", "passphrase")


class CredentialForm(forms.Form):
    """The login of a credential. Secrets are stored and never shown; an empty field keeps the stored value."""

    name = text(
        gettext_lazy("Name"),
        gettext_lazy("Documents use this name. It must be unique and cannot be changed later."),
        mono=True,
    )
    login = text(gettext_lazy("User"), gettext_lazy("On the machines. Empty: each machine's own user."), mono=True)
    password = secret(gettext_lazy("Password"), gettext_lazy("Also for sudo."))
    private_key = secret_lines(gettext_lazy("Private key"), gettext_lazy("The whole file, from BEGIN to END."))
    key_file = key_upload()
    passphrase = secret(gettext_lazy("Passphrase of the key"), gettext_lazy("Empty for a key without one."))
    agent_key = agent_text()
    networks = text(
        gettext_lazy("Only for these addresses"),
        gettext_lazy("For example 10.0.0.0/24, 192.0.2.7. Applies to jump hosts, too. Empty: everywhere."),
        mono=True,
    )
    users = lines(
        gettext_lazy("Who else may use it"),
        gettext_lazy(
            "User names, separated by commas or lines. They can use the credential but not read it. A user removed from"
            " the list can no longer start a run with it; active runs continue."
        ),
        rows=2,
    )
    forget_password = tick(gettext_lazy("Remove the stored password"))
    forget_key = tick(gettext_lazy("Remove the stored private key"))

    def clean(self) -> dict[str, Any]:
        """The uploaded file is the private key."""
        return uploaded_key(self.cleaned_data)

    def given(self) -> services.Given:
        """The values to store: for a new credential all, else only the secrets that were typed."""
        cleaned = self.cleaned_data
        found: dict[str, str | None] = {name: cleaned.get(name) or None for name in SECRETS}
        found |= {name: cleaned.get(name, "") for name in ("login", "networks")}
        found["agent_key"] = cleaned["agent_key"] if "agent_key" in self.fields else None
        if cleaned.get("forget_password"):
            found["password"] = ""
        if cleaned.get("forget_key"):
            found["private_key"] = ""
        if found["private_key"] and not found["passphrase"]:
            found["passphrase"] = ""  # the one stored for the previous key
        return services.Given(**found)

    def people(self) -> list[str]:
        """The user names."""
        return [name for name in re.split(r"[,\s]+", self.cleaned_data.get("users", "")) if name]


@never_cache
@require_GET
def index(request: UserRequest) -> HttpResponse:
    """Every credential that this user may use."""
    rows = [(each, [HOLDS[word] for word in each.holds]) for each in credentials_for(request.user)]
    return render(request, "credentials/list.html", {"rows": rows})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: UserRequest) -> HttpResponse:
    """Create one."""
    form = _form(request, None)
    if form.is_bound and form.is_valid():
        try:
            name = form.cleaned_data.get("name", "")
            services.credential_create(actor=request.user, name=name, given=form.given(), users=form.people())
        except services.CredentialWrong as error:
            _refuse(form, error)
        else:
            messages.success(request, _("The credential %s was stored.") % name)
            return redirect("credentials")
    return _page(request, form, {})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: UserRequest, pk: int) -> HttpResponse:
    """Rotate one: typed values replace the stored ones wherever the credential is used."""
    credential = credential_for(request.user, pk)
    form = _form(request, credential)
    if form.is_bound and form.is_valid():
        try:
            users = form.people() if "users" in form.data else None
            services.credential_change(actor=request.user, credential=credential, given=form.given(), users=users)
        except services.CredentialWrong as error:
            _refuse(form, error)
        else:
            messages.success(request, _("The credential %s was changed.") % credential.name)
            return redirect("credentials")
    return _page(request, form, {"credential": credential_view(credential)})


@require_POST
def delete(request: UserRequest, pk: int) -> HttpResponse:
    """Remove one if its name was typed."""
    credential = credential_for(request.user, pk)
    if request.POST.get("name", "").strip() != credential.name:
        messages.error(request, _("Nothing was removed: the name you typed is not %s.") % credential.name)
        return redirect("credential", pk=pk)
    services.credential_delete(actor=request.user, credential=credential)
    messages.success(request, _("The credential %s was removed.") % credential.name)
    return redirect("credentials")


def _form(request: UserRequest, credential: Credential | None) -> Any:
    """The form of a new credential, or of an existing one, whose name is fixed."""
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    stored = {name: getattr(credential, name) for name in ("login", "agent_key", "networks")} if credential else {}
    if credential:
        stored["users"] = ", ".join(credential_view(credential).users)
    form = CredentialForm(data, files, initial=stored)
    gone = ["name"] if credential else ["forget_password", "forget_key"]
    for field, forget in (("password", "forget_password"), ("private_key", "forget_key")):
        if credential and not getattr(credential, field):
            gone.append(forget)
    if not agent_kind(used=bool(credential and credential.agent_key)):
        gone.append("agent_key")
    for name in gone:
        del form.fields[name]
    for name in SECRETS:
        if credential and getattr(credential, name):
            form.fields[name].widget.attrs["placeholder"] = str(STORED)
    removals = [name for name in ("forget_password", "forget_key") if name in form.fields]
    rows = [name for name in ("name", "login", "password", "networks") if name in form.fields]
    others = ("private_key", "key_file", "passphrase", "agent_key", "users")
    below = [wide(name) for name in others if name in form.fields]
    return laid_out(form, *rows, *below, *([Div(*removals, css_class="field-wide")] if removals else []))


def _refuse(form: Any, error: services.CredentialWrong) -> None:
    form.add_error(error.field if error.field in form.fields else None, error.with_hint)


def _page(request: UserRequest, form: Any, context: dict[str, Any]) -> HttpResponse:
    problems = problems_of([form])
    wrong = bool(form.errors) if form.is_bound else False
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
    context = {**context, "form": form, "problems": problems, "general": problems.get("__all__", [])}
    return render(request, "credentials/edit.html", context, status=status)
