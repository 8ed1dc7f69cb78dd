"""The roles page: which machines run etcd, which are control planes, which are workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from clusters.config.topology import GROUPS, members, names, tolerates, without_machine
from clusters.wizard.core.fields import TemplatePart, laid_out
from clusters.wizard.core.page import OneForm, Page
from clusters.wizard.topology.diagram import draw
from clusters.wizard.topology.layouts import layout_cards

if TYPE_CHECKING:
    from django.http import QueryDict
    from django.utils.functional import _StrPromise

    from clusters.config.finding import Finding
    from clusters.config.schema import Document, Host
    from clusters.models import Cluster
    from clusters.wizard.core.page import PageForm

TITLES = {"etcd": _("etcd"), "master": _("Control plane"), "worker": _("Worker")}
PATHS = {
    "spec.roleGroups.etcd": "role-etcd",
    "spec.roleGroups.master": "role-master",
    "spec.roleGroups.control-plane": "role-master",
    "spec.roleGroups.worker": "role-worker",
}


class _Members(forms.MultipleChoiceField):
    """Names of machines in a set; Django would search a list of a thousand a thousand times."""

    def __init__(self, names: frozenset[str]) -> None:
        super().__init__(required=False)
        self._names = names

    def valid_value(self, value: str) -> bool:
        """Whether the machine exists."""
        return value in self._names


class RolesForm(forms.Form):
    """A list of machines for each group; the template renders it as a matrix."""

    def __init__(self, document: Document, data: QueryDict | None) -> None:
        super().__init__(data)
        named = frozenset(host.name for host in document.hosts if host.name)
        for group in GROUPS:
            self.fields[f"role-{group}"] = _Members(named)


def bind(document: Document, data: QueryDict | None) -> PageForm:
    """The matrix of a document."""
    form = RolesForm(document, data)
    return OneForm(laid_out(form, TemplatePart("wizard/_matrix.html", *form.fields), css="stack"), PATHS, write)


def write(document: Document, cleaned: dict[str, Any]) -> Document:
    """The document with the selected groups, in the order of the machines; an equal group is unchanged.

    The page shows machines only, so entries without a machine stay: a finding reports them.
    """
    update: dict[str, Any] = {}
    for group in GROUPS:
        ticked = cleaned.get(f"role-{group}")
        # Not the members: without workers, these are the control planes, whose boxes are not ticked.
        if ticked is None or set(ticked) == {*names(document, group)} - {*without_machine(document, group)}:
            continue
        selected = dict.fromkeys(host.name for host in document.hosts if host.name in ticked)
        update[group] = (*selected, *without_machine(document, group))
        if group == "master":
            update["control_plane"] = ()
    groups = document.role_groups.model_copy(update=update)
    return document.model_copy(update={"role_groups": groups})


def context(cluster: Cluster, document: Document, form: PageForm, found: tuple[Finding, ...]) -> dict[str, Any]:
    """The matrix's rows, the sentence on fault tolerance, and the diagram."""
    there = any(host.name for host in document.hosts)
    # Lazy, because a save does not render these parts.
    return {
        "rows": SimpleLazyObject(lambda: _rows(document)),
        "titles": TITLES.items(),
        "sentence": tolerates(len(members(document, "etcd"))),
        "drawing": draw(document),
        "layouts": SimpleLazyObject(lambda: layout_cards(document, add_machines=False) if there else []),
    }


def _rows(document: Document) -> list[tuple[Host, list[tuple[str, _StrPromise, bool]]]]:
    """Each machine with its checkboxes."""
    ticked = {group: frozenset(names(document, group)) for group in TITLES}
    return [
        (host, [(group, title, host.name in ticked[group]) for group, title in TITLES.items()])
        for host in document.hosts
        if host.name
    ]


PAGE = Page(
    slug="roles",
    order=30,
    title=_("Roles"),
    lead=_("etcd stores the cluster's state, control planes manage it, workers run your pods. Roles can be combined."),
    icon="roles",
    sections=("spec.roleGroups",),
    bind=bind,
    context=context,
)
