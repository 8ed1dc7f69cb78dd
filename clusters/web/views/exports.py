"""Downloads: the document in every dialect, its schema, and the kubeconfig."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clusters import services
from clusters.config.dialects.fit import what_does_not_fit
from clusters.config.json_schema import json_schema_text
from clusters.config.load import load
from clusters.errors import ConfigError
from clusters.selectors import cluster_for
from clusters.web.passwords import password_again

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.functional import _StrPromise

    from clusters.config.finding import Finding
    from clusters.services.requests import UserRequest


@dataclass(frozen=True, slots=True)
class Dialect:
    """A format of the document; `parts` are the files of those KubeKey versions that need several."""

    name: str
    title: _StrPromise
    parts: tuple[str, ...] = ()


DIALECTS = (
    Dialect("v1alpha2", _("KubeKey 2.0 to 3.1, and Slipway")),
    Dialect("v4", _("KubeKey 4: Inventory and Config"), ("inventory.yaml", "config.yaml")),
    Dialect("v1alpha1", _("KubeKey 1.0 to 1.2")),
)


@dataclass(frozen=True, slots=True)
class Export:
    """A dialect with what it cannot express of this document. `is_own`: the file as written, with its comments."""

    dialect: Dialect
    is_own: bool
    findings: tuple[Finding, ...]


@require_GET
def export(request: UserRequest, pk: int) -> HttpResponse:
    """The formats of the document, each with what it would lose."""
    cluster = cluster_for(request.user, pk)
    try:
        document = services.document_of(cluster)
    except ConfigError as error:
        messages.error(request, error.with_hint)
        return redirect("cluster", pk=cluster.pk)
    stored = load(cluster.document).dialect
    exports = [Export(each, each.name == stored, what_does_not_fit(document, each.name)) for each in DIALECTS]
    return render(request, "clusters/export.html", {"cluster": cluster, "exports": exports})


def _with_secrets(request: UserRequest) -> bool:
    return request.method == "POST" and request.POST.get("secrets") == "show"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@password_again(when=_with_secrets)
def config(request: UserRequest, pk: int) -> HttpResponse:
    """The document as a file. Secrets are sent only by POST, so that no link can make a browser fetch them."""
    cluster = cluster_for(request.user, pk)
    asked = request.POST if request.method == "POST" else request.GET
    dialect, part = asked.get("dialect") or DIALECTS[0].name, asked.get("part", "")
    with_secrets = _with_secrets(request)
    if not any(each.name == dialect and part in ("", *each.parts) for each in DIALECTS):
        raise Http404("There is no such dialect, or no such file in it.")
    text = services.config_export(
        actor=request.user, cluster=cluster, dialect=dialect, with_secrets=with_secrets, part=part
    )
    return _file(text, f"{slugify(cluster.name) or 'cluster'}-{part or 'config.yaml'}")


@login_not_required
@require_GET
def schema(request: HttpRequest) -> HttpResponse:
    """The JSON Schema of the document, for editors, which do not log in; it holds no user's data."""
    return HttpResponse(json_schema_text(), content_type="application/schema+json")


@never_cache
@require_POST
@password_again
def kubeconfig(request: UserRequest, pk: int) -> HttpResponse:
    """The admin kubeconfig as a file. By POST, so that no link can make a browser fetch it."""
    cluster = cluster_for(request.user, pk)
    try:
        text = services.kubeconfig_export(actor=request.user, cluster=cluster)
    except services.NothingDelivered as error:
        raise Http404(error.message) from error
    return _file(text, f"{slugify(cluster.name) or 'cluster'}-kubeconfig.yaml")


def _file(text: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="application/yaml; charset=utf-8", headers=headers)
