"""Roles: which machine keeps the state, which are control planes, which carry the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clusters.config.topology import GROUPS, all_roles, members, names, tolerates
from clusters.wizard.drawing import draw
from clusters.wizard.fields import Drawn, laid_out
from clusters.wizard.layouts import layout_cards
from clusters.wizard.page import OneForm, Page

if TYPE_CHECKING:
    from django.http import QueryDict

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.wizard.page import PageForm

TITLES = {"etcd": _("etcd"), "master": _("Control plane"), "worker": _("Worker")}
PATHS = {
    "spec.roleGroups.etcd": "role-etcd",
    "spec.roleGroups.master": "role-master",
    "spec.roleGroups.control-plane": "role-master",
    "spec.roleGroups.worker": "role-worker",
}


class RolesForm(forms.Form):
    """A list of machines for each group; the template draws it as a matrix."""

    def __init__(self, document: Document, data: QueryDict | None) -> None:
        super().__init__(data)
        options = [(host.name, host.name) for host in document.hosts if host.name]
        for group in GROUPS:
            self.fields[f"role-{group}"] = forms.MultipleChoiceField(choices=options, required=False)


def bind(document: Document, data: QueryDict | None) -> PageForm:
    """The matrix of a document."""
    form = RolesForm(document, data)
    return OneForm(laid_out(form, Drawn("wizard/_matrix.html", *form.fields), css="stack"), PATHS, write)


def write(document: Document, cleaned: dict[str, Any]) -> Document:
    """The document with the groups as ticked, in the order of the machines; a group that says the same stays."""
    update: dict[str, Any] = {}
    for group in GROUPS:
        ticked = cleaned.get(f"role-{group}")
        if ticked is None or set(ticked) == set(names(document, group)):
            continue
        update[group] = tuple(dict.fromkeys(host.name for host in document.hosts if host.name in ticked))
        if group == "master":
            update["control_plane"] = ()
    groups = document.role_groups.model_copy(update=update)
    return document.model_copy(update={"role_groups": groups})


def context(cluster: Cluster, document: Document, form: PageForm, found: tuple[Finding, ...]) -> dict[str, Any]:
    """The matrix's rows, the sentence on what may fail, and the picture."""
    roles = all_roles(document)
    titles = {group: str(title) for group, title in TITLES.items()}
    rows = [
        (host, [(group, title, group in roles.get(host.name, ())) for group, title in titles.items()])
        for host in document.hosts
        if host.name
    ]
    return {
        "rows": rows,
        "titles": titles.items(),
        "sentence": tolerates(len(members(document, "etcd"))),
        "drawing": draw(document),
        "layouts": layout_cards(document, add_machines=False) if rows else [],
    }


PAGE = Page(
    slug="roles",
    order=30,
    title=_("Roles"),
    lead=_("etcd keeps the cluster's state, control planes decide, workers run your pods. A machine may be several."),
    icon="roles",
    sections=("spec.roleGroups",),
    bind=bind,
    context=context,
)
