"""Kinds of endpoints: what each does to the document, and why it does not fit when it does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clusters.config.rules import check
from clusters.config.schema import ControlPlaneEndpoint
from clusters.config.topology import members

if TYPE_CHECKING:
    from typing import Any

    from django.utils.functional import _StrPromise

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

SECTION = "spec.controlPlaneEndpoint"
# What a person types is left to the fields beside it; a kind is judged by everything else of the section.
TYPED = tuple(f"{SECTION}.{key}" for key in ("domain", "address", "port"))


@dataclass(frozen=True, slots=True)
class Kind:
    """`balancer` is internalLoadbalancer in the document; `wants_address` says whether a person names one."""

    value: str
    title: _StrPromise
    help: _StrPromise
    balancer: str = ""
    wants_address: bool = False
    by_dns: bool = False


KINDS = (
    Kind(
        "none",
        gettext_lazy("First control plane"),
        gettext_lazy("Clients talk to the first control plane machine. Right when there is one of them."),
    ),
    Kind(
        "haproxy",
        gettext_lazy("Internal haproxy"),
        gettext_lazy("Each worker forwards to all control planes by itself. No extra machine, no extra address."),
        balancer="haproxy",
    ),
    Kind(
        "kube-vip",
        gettext_lazy("kube-vip"),
        gettext_lazy("One free address moves between the control planes, carried by a pod on each."),
        balancer="kube-vip",
        wants_address=True,
    ),
    Kind(
        "keepalived",
        gettext_lazy("keepalived"),
        gettext_lazy("One free address moves between the control planes, carried by a service on each."),
        balancer="keepalived",
        wants_address=True,
    ),
    Kind(
        "external",
        gettext_lazy("A load balancer you have"),
        gettext_lazy("An address outside the cluster that leads to every control plane."),
        wants_address=True,
    ),
    Kind(
        "dns",
        gettext_lazy("A name in your DNS"),
        gettext_lazy("Your name servers lead the domain to the control planes; no machine's /etc/hosts is touched."),
        by_dns=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Card:
    """A kind as a choice; `why_not` is empty when it can be taken, `note` says what to know of it before."""

    kind: Kind
    chosen: bool
    why_not: str = ""
    note: str = ""


def kind_of(document: Document) -> Kind:
    """The kind that a document says."""
    endpoint = document.control_plane_endpoint
    if endpoint.internal_loadbalancer:
        named = (kind for kind in KINDS if kind.balancer == endpoint.internal_loadbalancer)
        return next(named, replace(KINDS[0], value="", balancer=endpoint.internal_loadbalancer))
    if getattr(endpoint, "external_dns", None):
        return kind_called("dns")
    return kind_called("external" if endpoint.address else "none")


def kind_called(value: str) -> Kind:
    """The kind of that name. Raises StopIteration for one that does not exist."""
    return next(kind for kind in KINDS if kind.value == value)


def with_kind(document: Document, kind: Kind, **typed: Any) -> Document:
    """The document with this kind of endpoint and the fields that were typed; an address it has no use for goes."""
    update = {**typed, "internal_loadbalancer": kind.balancer}
    if not kind.wants_address:
        update["address"] = ""
    if "external_dns" in ControlPlaneEndpoint.model_fields:
        update["external_dns"] = kind.by_dns
    endpoint = document.control_plane_endpoint.model_copy(update=update)
    return document.model_copy(update={"control_plane_endpoint": endpoint})


def cards(document: Document, chosen: str) -> list[Card]:
    """Every kind, with the reason when it cannot be taken: the rules are asked about the document with that kind."""
    return [Card(kind, kind.value == chosen, why_not(document, kind), _note(document, kind)) for kind in KINDS]


def _note(document: Document, kind: Kind) -> str:
    if not kind.balancer or len(members(document, "master")) != 1:
        return ""
    return _("There is one control plane machine so far: nothing to balance yet, but others are added more easily.")


def why_not(document: Document, kind: Kind) -> str:
    """A sentence when this kind does not fit the document or is not built; empty when it can be taken."""
    if kind.by_dns and "external_dns" not in ControlPlaneEndpoint.model_fields:
        return _("A name in your own DNS is not built yet.")
    found = next((each for each in check(with_kind(document, kind)) if _is_about(each, kind)), None)
    if found is not None and found.id == "endpoint.load_balancer_unknown":
        return _("%(kind)s is not built yet.") % {"kind": kind.title}
    return found.message if found else ""


def _is_about(finding: Finding, kind: Kind) -> bool:
    """What is wrong with an address that nobody can type is wrong with the kind."""
    typed = finding.path in TYPED and (kind.wants_address or not finding.path.endswith(".address"))
    return finding.blocking and finding.path.startswith(SECTION) and not typed
