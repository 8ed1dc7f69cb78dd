"""The endpoint page: where clients reach the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crispy_forms.layout import Div
from django import forms
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from clusters.config.load_balancers import has_proxies
from clusters.config.topology import endpoint_address
from clusters.wizard.core.fields import TemplatePart, laid_out, number, text, wide
from clusters.wizard.core.page import OneForm, Page
from clusters.wizard.topology.endpoint_kinds import KINDS, SECTION, cards, kind_called, kind_of, why_not, with_kind

if TYPE_CHECKING:
    from django.http import QueryDict

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.wizard.core.page import PageForm

PATHS = {
    SECTION: "kind",
    f"{SECTION}.internalLoadbalancer": "kind",
    f"{SECTION}.externalDNS": "kind",
    f"{SECTION}.domain": "domain",
    f"{SECTION}.address": "address",
    f"{SECTION}.port": "port",
}


class EndpointForm(forms.Form):
    """Name, address and port of the endpoint; `kind` determines what the address means and whether it is used."""

    kind = forms.ChoiceField(choices=[(kind.value, kind.title) for kind in KINDS], required=False)
    domain = text(_("Domain"), mono=True)
    address = text(
        _("Address"), _("A free virtual address, or the address of your load balancer, like 10.1.2.100."), mono=True
    )
    port = number(_("Port"), _("6443 is usual."))

    def __init__(self, document: Document, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._document = document

    def clean_kind(self) -> str:
        """Only a kind that fits can be chosen; the rules check the kind that the document already has."""
        value: str = self.cleaned_data["kind"]
        if value and value != kind_of(self._document).value:
            refused = why_not(self._document, kind_called(value))
            if refused:
                raise forms.ValidationError(refused)
        return value

    def clean(self) -> dict[str, Any]:
        """A kind with a separate address requires it."""
        cleaned: dict[str, Any] = self.cleaned_data
        value = cleaned.get("kind", "")
        if value and kind_called(value).wants_address and not cleaned.get("address"):
            self.add_error("address", _("This kind of endpoint needs an address."))
        return cleaned


def bind(document: Document, data: QueryDict | None) -> PageForm:
    """The form of a document."""
    endpoint = document.control_plane_endpoint
    initial = {"domain": endpoint.domain, "address": endpoint.address, "port": endpoint.port}
    form = EndpointForm(document, data, initial={"kind": kind_of(document).value, **initial})
    form.fields["domain"].help_text = _(
        "The name in every kubeconfig. It does not have to be in DNS: Slipway adds it to each machine's /etc/hosts."
    )
    typed = Div(
        Div(wide("domain"), wide("address", css="only-with-address"), "port", css_class="form-grid"),
        TemplatePart("wizard/_leads_to.html"),
        css_class="card card-body stack",
    )
    return OneForm(laid_out(form, TemplatePart("wizard/_cards.html"), typed, css="stack"), PATHS, write)


def write(document: Document, cleaned: dict[str, Any]) -> Document:
    """The document with the valid values; a kind that requires an address is stored only together with it."""
    value = cleaned.pop("kind", "")
    if cleaned.get("port") is None:
        cleaned.pop("port", None)
    kind = kind_called(value) if value else kind_of(document)
    if kind.wants_address and not cleaned.get("address"):
        cleaned.pop("address", None)
        kind = kind_of(document)
    if not value and not kind.value:
        endpoint = document.control_plane_endpoint.model_copy(update=cleaned)
        return document.model_copy(update={"control_plane_endpoint": endpoint})
    return with_kind(document, kind, **cleaned)


def context(cluster: Cluster, document: Document, form: PageForm, found: tuple[Finding, ...]) -> dict[str, Any]:
    """The choice cards, and the current target of the endpoint."""
    chosen = kind_of(document).value
    if isinstance(form, OneForm):
        chosen = form.form["kind"].value() or chosen
    # Each card runs the rules once; a save does not render the cards.
    leads_to = {"leads_to": endpoint_address(document), "by_proxy": has_proxies(document)}
    return {"cards": SimpleLazyObject(lambda: cards(document, chosen)), **leads_to}


PAGE = Page(
    slug="endpoint",
    order=40,
    title=_("Endpoint"),
    lead=_("Where kubectl and the nodes reach the API server."),
    icon="globe",
    sections=(SECTION,),
    bind=bind,
    context=context,
)
