"""Kinds of endpoints: what each changes in the document, and why it does not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clusters.config.load_balancers import load_balancers
from clusters.config.rules import check
from clusters.config.schema import ControlPlaneEndpoint
from clusters.config.topology import members

if TYPE_CHECKING:
    from typing import Any

    from django.utils.functional import _StrPromise

    from clusters.config.finding import Finding
    from clusters.config.load_balancers import LoadBalancer
    from clusters.config.schema import Document

SECTION = "spec.controlPlaneEndpoint"
# The fields beside the cards report problems with typed values; a kind is judged by the rest of the section.
TYPED = tuple(f"{SECTION}.{key}" for key in ("domain", "address", "port"))


@dataclass(frozen=True, slots=True)
class Kind:
    """`balancer` is internalLoadbalancer in the document; `wants_address`: the user enters an address. `drawing` is
    its picture in `_endpoint_drawing.html`."""

    value: str
    title: _StrPromise
    help: _StrPromise
    balancer: str = ""
    wants_address: bool = False
    by_dns: bool = False
    drawing: str = ""


def _drawing(balancer: LoadBalancer) -> str:
    """Of a proxy on each worker, or of a virtual address that pods or services share."""
    shared = "pods" if balancer.in_pods else "services"
    return f"address-of-{shared}" if balancer.virtual else "proxies"


KINDS = (
    Kind(
        "none",
        gettext_lazy("First control plane"),
        gettext_lazy("Clients connect to the first control plane machine. For clusters with one control plane."),
        drawing="none",
    ),
    *(
        Kind(
            each.name,
            gettext_lazy(each.title),
            gettext_lazy(each.help),
            balancer=each.name,
            wants_address=each.virtual,
            drawing=_drawing(each),
        )
        for each in sorted(load_balancers(), key=lambda each: each.place)
    ),
    Kind(
        "external",
        gettext_lazy("Your own load balancer"),
        gettext_lazy("An address outside the cluster that forwards to every control plane."),
        wants_address=True,
        drawing="external",
    ),
    Kind(
        "dns",
        gettext_lazy("A name in your DNS"),
        gettext_lazy("Your DNS resolves the domain to the control planes; /etc/hosts is not changed."),
        by_dns=True,
        drawing="dns",
    ),
)


@dataclass(frozen=True, slots=True)
class Card:
    """A kind as a choice; `why_not` is empty when it can be chosen, `note` is additional information."""

    kind: Kind
    chosen: bool
    why_not: str = ""
    note: str = ""


def kind_of(document: Document) -> Kind:
    """The kind that a document describes."""
    endpoint = document.control_plane_endpoint
    if endpoint.internal_loadbalancer:
        named = (kind for kind in KINDS if kind.balancer == endpoint.internal_loadbalancer)
        return next(named, replace(KINDS[0], value="", balancer=endpoint.internal_loadbalancer))
    if getattr(endpoint, "external_dns", None):
        return kind_called("dns")
    return kind_called("external" if endpoint.address else "none")


def kind_called(value: str) -> Kind:
    """The kind with this name. Raises StopIteration when it does not exist."""
    return next(kind for kind in KINDS if kind.value == value)


def with_kind(document: Document, kind: Kind, **typed: Any) -> Document:
    """The document with this kind of endpoint and the typed fields; an address that it does not use is removed."""
    update = {**typed, "internal_loadbalancer": kind.balancer}
    if not kind.wants_address:
        update["address"] = ""
    if "external_dns" in ControlPlaneEndpoint.model_fields:
        update["external_dns"] = kind.by_dns
    endpoint = document.control_plane_endpoint.model_copy(update=update)
    return document.model_copy(update={"control_plane_endpoint": endpoint})


def cards(document: Document, chosen: str) -> list[Card]:
    """Every kind, with the reason when it cannot be chosen: what the rules find in the document with that kind."""
    return [Card(kind, kind.value == chosen, why_not(document, kind), _note(document, kind)) for kind in KINDS]


def _note(document: Document, kind: Kind) -> str:
    if not kind.balancer or len(members(document, "master")) != 1:
        return ""
    return _("With one control plane there is nothing to balance yet, but adding others is easier.")


def why_not(document: Document, kind: Kind) -> str:
    """The reason when this kind does not fit the document or is not implemented; empty when it can be chosen."""
    if kind.by_dns and "external_dns" not in ControlPlaneEndpoint.model_fields:
        return _("A name in your own DNS is not supported yet.")
    found = next((each for each in check(with_kind(document, kind)) if _is_about(each, kind)), None)
    if found is not None and found.id == "endpoint.load_balancer_unknown":
        return _("%(kind)s is not supported yet.") % {"kind": kind.title}
    return found.message if found else ""


def _is_about(finding: Finding, kind: Kind) -> bool:
    """Whether a finding is about the kind; so is a finding about an address that cannot be typed."""
    typed = finding.path in TYPED and (kind.wants_address or not finding.path.endswith(".address"))
    return finding.blocking and finding.path.startswith(SECTION) and not typed
