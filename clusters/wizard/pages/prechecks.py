"""The prechecks page: what the checks of an installation find on the machines before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from clusters.wizard.core.page import NothingToFill, Page
from clusters.wizard.prechecks.results import rail_state
from clusters.wizard.prechecks.views import checks_context

if TYPE_CHECKING:
    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.wizard.core.page import PageForm


def context(cluster: Cluster, document: Document, form: PageForm, found: tuple[Finding, ...]) -> dict[str, Any]:
    """The newest inspection."""
    return {**checks_context(cluster, document), "oob": False}


PAGE = Page(
    slug="prechecks",
    order=55,
    title=_("Prechecks"),
    lead=_("Requirements for the machines. The checks change nothing; a run starts with the same checks."),
    icon="shield",
    sections=(),
    bind=lambda document, data: NothingToFill(),
    context=context,
    rail_state=lambda cluster, document, mine, everything: rail_state(cluster),
)
