"""Common layouts: roles and an endpoint for the existing machines, or for new empty rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from clusters.config.load_balancers import DEFAULT
from clusters.config.rules import check
from clusters.config.schema import Host, RoleGroups
from clusters.wizard.topology.endpoint_kinds import SECTION, TYPED, kind_called, with_kind

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from clusters.config.schema import Document


@dataclass(frozen=True, slots=True)
class Layout:
    """`etcd` members and `masters` come first; `apart`: they are different machines; the rest are workers."""

    slug: str
    title: _StrPromise
    help: _StrPromise
    machines: int
    masters: int
    etcd: int
    apart: bool = False
    endpoint: str = "none"

    @property
    def least(self) -> int:
        """The minimum number of machines, with at least one worker."""
        return self.masters + (self.etcd if self.apart else 0) + (self.machines > 1)


LAYOUTS = (
    Layout(
        "all-in-one",
        gettext_lazy("All in one"),
        gettext_lazy("One machine with all roles. For evaluation."),
        machines=1, masters=1, etcd=1,
    ),
    Layout(
        "small",
        gettext_lazy("1 + 2"),
        gettext_lazy("One control plane with etcd, two workers."),
        machines=3, masters=1, etcd=1,
    ),
    Layout(
        "available",
        gettext_lazy("3 + 3"),
        format_lazy(
            gettext_lazy("Three control planes with etcd behind an internal {balancer}, three workers."),
            balancer=DEFAULT,
        ),
        machines=6, masters=3, etcd=3, endpoint=DEFAULT,
    ),
    Layout(
        "dedicated-etcd",
        gettext_lazy("3 + 3 + 3"),
        gettext_lazy("etcd on three separate machines, three control planes, three workers."),
        machines=9, masters=3, etcd=3, apart=True, endpoint=DEFAULT,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LayoutCard:
    """A layout as a choice; `why_not` is empty when it can be chosen."""

    layout: Layout
    why_not: str


def layout_called(slug: str) -> Layout | None:
    """The layout with this name."""
    return next((layout for layout in LAYOUTS if layout.slug == slug), None)


def with_layout(document: Document, layout: Layout) -> Document:
    """The document with this layout; missing machines become rows with only a name."""
    hosts = [host for host in document.hosts if host.name]
    taken = {host.name for host in hosts}
    fresh = (f"node{number}" for number in range(1, 10_000) if f"node{number}" not in taken)
    if len(hosts) < layout.least:
        hosts += [Host(name=next(fresh)) for _ in range(layout.machines - len(hosts))]
    names = tuple(host.name for host in hosts)
    etcd = names[: layout.etcd]
    masters = names[layout.etcd : layout.etcd + layout.masters] if layout.apart else names[: layout.masters]
    workers = tuple(name for name in names if name not in etcd + masters) or masters
    groups = RoleGroups(etcd=etcd, master=masters, worker=workers)
    return with_kind(
        document.model_copy(update={"hosts": tuple(hosts), "role_groups": groups}), kind_called(layout.endpoint)
    )


def layout_cards(document: Document, *, add_machines: bool) -> list[LayoutCard]:
    """Every layout, with the reason when it cannot be chosen."""
    return [LayoutCard(layout, _why_not(document, layout, add_machines)) for layout in LAYOUTS]


def _why_not(document: Document, layout: Layout, add_machines: bool) -> str:
    if layout.machines == 1 and len(document.hosts) > 1:
        return _("For one machine; there are %(count)s.") % {"count": len(document.hosts)}
    missing = layout.least - sum(bool(host.name) for host in document.hosts)
    if missing > 0 and not add_machines:
        return ngettext("%(count)s more machine is needed.", "%(count)s more machines are needed.", missing) % {
            "count": missing
        }
    for found in check(with_layout(document, layout)):
        role = found.path.startswith("spec.roleGroups")
        endpoint = found.path.startswith(SECTION) and found.path not in TYPED
        if found.blocking and (role or endpoint):
            return found.message
    return ""
