"""The machines page: one row per machine, with write-only credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from clusters.config.jump_hosts import route_text
from clusters.config.rules.hosts import ARCHITECTURES
from clusters.config.schema import Host
from clusters.services import practice_machines
from clusters.wizard.core.page import Page
from clusters.wizard.machines.table import Machines, Row
from clusters.wizard.topology.layouts import layout_cards

if TYPE_CHECKING:
    from django.http import QueryDict

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.wizard.core.page import PageForm


LOGINS = {
    "password": _("•••••• stored"),
    "key": _("private key"),
    "key+password": _("key and password"),
    "path": _("key file"),
    "agent": _("key of the agent"),
    "credential": _("credential"),
}
"""The placeholder of an empty password field, by the stored login."""


def bind(document: Document, data: QueryDict | None) -> PageForm:
    """The rows of a document; without machines, one empty row."""
    return Machines(document, data, extra=0 if document.hosts else 1)


def context(cluster: Cluster, document: Document, form: PageForm, found: tuple[Finding, ...]) -> dict[str, Any]:
    """What surrounds the rows: practice machines, layouts, an empty row to copy."""
    return {
        "practice": practice_machines(),
        "shared_way": route_text(Host(jump_host=document.jump_host)),
        "stored": len(document.hosts),
        "architectures": ARCHITECTURES,
        "logins": {login: str(words) for login, words in LOGINS.items()},
        "empty_row": Row("host-__prefix__", ""),
        "layouts": [] if document.hosts else layout_cards(document, add_machines=True),
        "layouts_open": True,
    }


PAGE = Page(
    slug="machines",
    order=10,
    title=_("Machines"),
    lead=_("The Linux machines that become your cluster. Slipway connects over SSH; nothing has to be preinstalled."),
    icon="server",
    sections=("spec.hosts", "spec.jumpHost"),
    bind=bind,
    context=context,
)
