"""Endpoint: where clients reach the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clusters.config.topology import endpoint_address
from clusters.wizard.fields import number, text
from clusters.wizard.page import OneForm, Page

if TYPE_CHECKING:
    from django.http import QueryDict

    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.wizard.page import PageForm

_SECTION = "spec.controlPlaneEndpoint"
PATHS = {
    _SECTION: "kind",
    f"{_SECTION}.internalLoadbalancer": "kind",
    f"{_SECTION}.domain": "domain",
    f"{_SECTION}.address": "address",
    f"{_SECTION}.port": "port",
}
CHOICES = (
    ("none", _("No load balancer"), _("Clients talk to the first control plane machine. Right for one of them.")),
    ("external", _("One you already have"), _("A load balancer or virtual address outside the cluster.")),
    ("haproxy", _("Internal haproxy"), _("Every node forwards to all control planes.")),
    ("vip", _("Virtual address"), _("kube-vip moves one address between control planes.")),
)
READY = ("none", "external")


class EndpointForm(forms.Form):
    """Name, address and port of the endpoint; `kind` says whether the address counts."""

    kind = forms.ChoiceField(choices=[(value, title) for value, title, _help in CHOICES], required=False)
    domain = text(
        _("Domain"), _("The name in every kubeconfig. It need not be in DNS: each machine gets it in /etc/hosts.")
    )
    address = text(
        _("Address of the load balancer"), _("Like 10.1.2.100; it must lead to the control planes."), mono=True
    )
    port = number(_("Port"), _("6443 is usual."))

    def clean_kind(self) -> str:
        """Only what is built can be chosen."""
        kind: str = self.cleaned_data["kind"]
        if kind and kind not in READY:
            raise forms.ValidationError(_("This comes in a later version."))
        return kind


def _kind(document: Document) -> str:
    endpoint = document.control_plane_endpoint
    if endpoint.internal_loadbalancer:
        return "haproxy" if endpoint.internal_loadbalancer == "haproxy" else "vip"
    return "external" if endpoint.address else "none"


def bind(document: Document, data: QueryDict | None) -> PageForm:
    """The form of a document."""
    endpoint = document.control_plane_endpoint
    initial = {"kind": _kind(document), "domain": endpoint.domain, "address": endpoint.address, "port": endpoint.port}
    return OneForm(EndpointForm(data, initial=initial), PATHS, write)


def write(document: Document, cleaned: dict[str, Any]) -> Document:
    """The document with what is valid."""
    kind = cleaned.pop("kind", "")
    if cleaned.get("port") is None:
        cleaned.pop("port", None)
    if kind:
        cleaned["internal_loadbalancer"] = ""
    if kind == "none":
        cleaned["address"] = ""
    endpoint = document.control_plane_endpoint.model_copy(update=cleaned)
    return document.model_copy(update={"control_plane_endpoint": endpoint})


def context(cluster: Cluster, document: Document, form: PageForm) -> dict[str, Any]:
    """The choice cards, and where the endpoint leads now."""
    chosen = form.form["kind"].value() or _kind(document) if isinstance(form, OneForm) else ""
    cards = [
        {"value": value, "title": title, "help": help_text, "chosen": value == chosen, "ready": value in READY}
        for value, title, help_text in CHOICES
    ]
    return {"cards": cards, "leads_to": endpoint_address(document)}


PAGE = Page(
    slug="endpoint",
    order=40,
    title=_("Endpoint"),
    lead=_("Where kubectl and the nodes reach the API server."),
    icon="globe",
    sections=(_SECTION,),
    bind=bind,
    context=context,
)
