"""Kubernetes: name, version, network and proxy mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clusters.config.rules import check
from clusters.config.rules.network import PLUGINS
from clusters.wizard.choices import kubernetes_versions
from clusters.wizard.fields import choice, laid_out, text
from clusters.wizard.page import OneForm, Page

if TYPE_CHECKING:
    from django.http import QueryDict

    from clusters.config.schema import Document
    from clusters.wizard.page import PageForm

PATHS = {
    "metadata.name": "name",
    "spec.kubernetes.version": "version",
    "spec.kubernetes.clusterName": "cluster_name",
    "spec.kubernetes.proxyMode": "proxy_mode",
    "spec.network.plugin": "plugin",
    "spec.network.kubePodsCIDR": "kube_pods_cidr",
    "spec.network.kubeServiceCIDR": "kube_service_cidr",
}
NETWORKS = {
    "bridge": _("bridge (built in)"),
    "none": _("none (install one yourself)"),
}
PROXY_MODES = (("iptables", "iptables"), ("ipvs", "ipvs"))


class KubernetesForm(forms.Form):
    """The choices of `kubernetes` and `network` that most clusters make."""

    name = text(_("Name"), _("How this cluster is called here and in the file."), mono=True)
    version = choice(_("Kubernetes version"))
    cluster_name = text(_("Cluster name"), _("The cluster's own domain; cluster.local is usual."), mono=True)
    plugin = choice(
        _("Network plugin"), (), _("How pods of different machines reach each other; bridge needs no image.")
    )
    proxy_mode = choice(_("Proxy mode"), PROXY_MODES, _("How services are reached; iptables needs no kernel module."))
    kube_pods_cidr = text(_("Network of the pods"), _("Each node takes a part of it, usually a /24."), mono=True)
    kube_service_cidr = text(_("Network of the services"), _("Must not overlap with pods or machines."), mono=True)


def bind(document: Document, data: QueryDict | None) -> PageForm:
    """The form of a document; what it holds now can always be chosen, known or not."""
    initial = {
        "name": document.name,
        "version": document.kubernetes.version,
        "cluster_name": document.kubernetes.cluster_name,
        "proxy_mode": document.kubernetes.proxy_mode,
        "plugin": document.network.plugin,
        "kube_pods_cidr": document.network.kube_pods_cidr,
        "kube_service_cidr": document.network.kube_service_cidr,
    }
    form = KubernetesForm(data, initial=initial)
    offered, form.fields["version"].help_text = kubernetes_versions()
    versions = [(version, version) for version in offered]
    plugins = [(name, NETWORKS.get(name, name)) for name in PLUGINS if _is_built(document, name)]
    for name, options in (("version", versions), ("plugin", plugins), ("proxy_mode", PROXY_MODES)):
        field, value = form.fields[name], initial[name]
        known = [*options] if any(value == option for option, _label in options) else [(value, value), *options]
        _give_choices(field, known)
    rows = ("name", "version", "plugin", "proxy_mode", "kube_pods_cidr", "kube_service_cidr", "cluster_name")
    return OneForm(laid_out(form, *rows), PATHS, write)


def _is_built(document: Document, plugin: str) -> bool:
    """Whether the rules have nothing against this plugin as such; without machines, since these are not asked about."""
    network = document.network.model_copy(update={"plugin": plugin})
    found = check(document.model_copy(update={"network": network, "hosts": ()}))
    return not any(finding.blocking and finding.path == "spec.network.plugin" for finding in found)


def _give_choices(field: forms.Field, choices: list[tuple[str, Any]]) -> None:
    """Give a choice field its list."""
    if isinstance(field, forms.ChoiceField):
        field.choices = choices


def write(document: Document, cleaned: dict[str, Any]) -> Document:
    """The document with what is valid; an empty choice keeps what was there."""
    given = {key: value for key, value in cleaned.items() if value or key not in ("version", "plugin", "proxy_mode")}
    kubernetes = {key: given[key] for key in ("version", "cluster_name", "proxy_mode") if key in given}
    network = {key: given[key] for key in ("plugin", "kube_pods_cidr", "kube_service_cidr") if key in given}
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
)
