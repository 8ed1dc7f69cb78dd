"""The Kubernetes page: name, version, network, proxy mode, and options of the network plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crispy_forms.layout import Field
from django import forms
from django.utils.translation import gettext_lazy as _

from clusters.config.kubernetes_versions import is_known, spelled
from clusters.config.plugins import names, plugins
from clusters.config.rules.notbuilt import is_built
from clusters.config.syntax import as_networks
from clusters.wizard.core.fields import choice, give_choices, laid_out, text
from clusters.wizard.core.page import OneForm, Page
from clusters.wizard.kubernetes.artifact_choices import kubernetes_versions
from clusters.wizard.kubernetes.plugin_options import (
    field_of,
    initial_of,
    name_of,
    paths_of,
    shown_options,
    with_options,
)
from clusters.wizard.kubernetes.version_choices import (
    SEEN_WHOLE,
    does_not_fit,
    grouped,
    marks_of,
    marks_of_parts,
    missing,
)

if TYPE_CHECKING:
    from django.http import QueryDict

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.wizard.core.page import PageForm
    from clusters.wizard.kubernetes.artifact_choices import Offered

PATHS = {
    "metadata.name": "name",
    "spec.kubernetes.version": "version",
    "spec.kubernetes.clusterName": "cluster_name",
    "spec.kubernetes.proxyMode": "proxy_mode",
    "spec.network.plugin": "plugin",
    "spec.network.kubePodsCIDR": "kube_pods_cidr",
    "spec.network.kubeServiceCIDR": "kube_service_cidr",
}
NETWORKS = {each.name: _(each.title) for each in plugins()}
VERSION = Field("version", template="wizard/_version.html")
BY_THE_MACHINES = "auto"
"""The choice for a document that does not set the mode."""
PROXY_MODES = (
    (BY_THE_MACHINES, _("nftables if all machines support it, else iptables")),
    ("nftables", "nftables"),
    ("iptables", "iptables"),
    ("ipvs", _("ipvs (deprecated by Kubernetes)")),
)


class KubernetesForm(forms.Form):
    """The common settings of `kubernetes` and `network`; `offered` are the versions of the source."""

    offered: Offered

    name = text(_("Name"), _("The name of this cluster in Slipway and in the file."), mono=True)
    version = choice(_("Kubernetes version"))
    cluster_name = text(_("Cluster name"), _("The cluster's DNS domain; cluster.local is usual."), mono=True)
    plugin = choice(
        _("Network plugin"), (), _("How pods on different machines reach each other; bridge needs no image.")
    )
    proxy_mode = choice(
        _("Proxy mode"),
        PROXY_MODES,
        _("How services are reached. nftables needs Kubernetes 1.33 and Linux 5.13, or newer."),
    )
    kube_pods_cidr = text(_("Network of the pods"), _("Each node gets a part of it, usually a /24."), mono=True)
    kube_service_cidr = text(_("Network of the services"), _("Must not overlap with pods or machines."), mono=True)


def bind(document: Document, data: QueryDict | None) -> OneForm[KubernetesForm]:
    """The form of a document; its current values can always be chosen, known or not.

    When another plugin is chosen, input for the previous plugin is still stored.
    """
    initial = {
        "name": document.name,
        "version": document.kubernetes.version,
        "cluster_name": document.kubernetes.cluster_name,
        "proxy_mode": document.kubernetes.proxy_mode or BY_THE_MACHINES,
        "plugin": document.network.plugin,
        "kube_pods_cidr": document.network.kube_pods_cidr,
        "kube_service_cidr": document.network.kube_service_cidr,
    }
    chosen = data.get("plugin", "") if data is not None else ""
    plugins = dict.fromkeys((document.network.plugin, chosen or document.network.plugin))
    options = tuple(option for plugin in plugins for option in shown_options(document, plugin))
    initial |= {name_of(option): initial_of(document, option) for option in options}
    form = KubernetesForm(data, initial=initial)
    form.fields |= {name_of(option): field_of(document, option) for option in options}
    known = [(name, NETWORKS.get(name, name)) for name in names() if is_built("plugin", name)]
    for name, choices in (("plugin", known), ("proxy_mode", [*PROXY_MODES])):
        give_choices(form.fields[name], _with(initial[name], choices))
    _offer_versions(form, document, data.get("version", "") if data is not None else "")
    rows = ("name", VERSION, "plugin", "proxy_mode", "kube_pods_cidr", "kube_service_cidr", "cluster_name")

    def written(before: Document, cleaned: dict[str, Any]) -> Document:
        return with_options(write(before, cleaned), options, cleaned, data or ())

    whole = laid_out(form, *rows)
    form.fields["version"].widget.attrs["aria-describedby"] += " version-marks"
    return OneForm(whole, PATHS | paths_of(options), written)


def _offer_versions(form: KubernetesForm, document: Document, typed: str) -> None:
    form.offered = offered = kubernetes_versions()
    form.fields["version"].help_text = offered.hint
    # The page keeps showing the draft's previous version, so that the user can return to it.
    before = document.kubernetes.version
    chosen = (before, typed) if is_known(typed) else (before,)
    # From upstream come the components that Slipway itself chooses; they fit every version.
    few = offered.versions if len(offered.versions) <= SEEN_WHOLE else ()
    unfit = [each for each in few if does_not_fit(document, offered.source, each)]
    give_choices(form.fields["version"], grouped(offered.versions, *chosen, held=offered.held, unfit=unfit))


def context(cluster: Cluster, document: Document, form: PageForm, found: tuple[Finding, ...]) -> dict[str, Any]:
    """What is known about the version, and the options of the chosen plugin.

    `swap`: the page shows the options of another plugin.
    """
    plugin = document.network.plugin
    options = shown_options(document, plugin)
    names = [name_of(option) for option in options]
    bound: KubernetesForm | None = form.form if isinstance(form, OneForm) else None
    swap = bound is not None and bound.is_bound and bound.initial["plugin"] != plugin
    if swap or bound is None or any(name not in bound.fields for name in names):
        bound = bind(document, None).form
    shown = [bound[name] for name in names]
    version = document.kubernetes.version
    return {
        "version_marks": (*marks_of(version), *marks_of_parts(document, bound.offered.source)),
        "version_missing": missing(version, bound.offered),
        "options": shown,
        "options_of": NETWORKS.get(plugin, plugin),
        "options_set": sum(initial_of(document, option) != "" for option in options),
        "options_open": any(form.place(each.path) in names for each in found),
        "swap": swap,
    }


def _with(value: str, options: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The options, plus the current value if it is not among them."""
    return options if any(value == option for option, _label in options) else [(value, value), *options]


def write(document: Document, cleaned: dict[str, Any]) -> Document:
    """The document with the valid values; an empty choice keeps the previous value."""
    given = {key: value for key, value in cleaned.items() if value or key not in ("version", "plugin", "proxy_mode")}
    kubernetes: dict[str, Any] = {key: given[key] for key in ("version", "cluster_name", "proxy_mode") if key in given}
    if "version" in kubernetes:
        kubernetes["version"] = spelled(kubernetes["version"])
    if kubernetes.get("proxy_mode") == BY_THE_MACHINES:
        kubernetes["proxy_mode"] = ""
    network: dict[str, Any]
    network = {key: as_networks(given[key]) for key in ("kube_pods_cidr", "kube_service_cidr") if key in given}
    network |= {"plugin": given["plugin"]} if "plugin" in given else {}
    return document.model_copy(
        update={
            "name": given.get("name", document.name),
            "kubernetes": document.kubernetes.model_copy(update=kubernetes),
            "network": document.network.model_copy(update=network),
        }
    )


PAGE = Page(
    slug="kubernetes",
    order=50,
    title=_("Kubernetes"),
    lead=_("Version, networks and names. The defaults fit most clusters."),
    icon="wheel",
    sections=("metadata", "spec.kubernetes", "spec.network", "spec.etcd", "spec.registry"),
    bind=bind,
    context=context,
)
