"""Review: everything at once, and the button that starts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from clusters import catalog
from clusters.config.rules import check
from clusters.engine.plan import make_plan
from clusters.engine.step import discover
from clusters.errors import InstallerError
from clusters.selectors import probes_of
from clusters.services import unread, waiver_key
from clusters.wizard.page import NothingToFill, Page

if TYPE_CHECKING:
    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.plan import Plan
    from clusters.models import Cluster
    from clusters.wizard.page import PageForm


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding with the page and the field that solve it; `waiver` says who acknowledged it, and when."""

    finding: Finding
    page: Page
    anchor: str
    key: str
    waiver: dict[str, Any] | None


GROUPS = (
    ("error", _("Blocking: solve these first")),
    ("warning", _("Warnings: say that you know each of them")),
    ("info", _("Good to know")),
)


def context(cluster: Cluster, document: Document, form: PageForm) -> dict[str, Any]:
    """Findings by weight with the page that solves each, and the plan."""
    from clusters.wizard.inspecting import seen

    found = check(document)
    entries = _entries(cluster, document, found)
    groups = [
        (weight, title, [entry for entry in entries if entry.finding.severity.value == weight])
        for weight, title in GROUPS
    ]
    plan, problem = _plan(document, found)
    return {
        "groups": [group for group in groups if group[2]],
        **seen(cluster),
        "blocking": sum(finding.blocking for finding in found),
        "unread": len(unread(cluster, found)),
        "unready": [probe.host for probe in probes_of(cluster, document) if probe.stale or probe.state != "ok"],
        "plan": plan,
        "plan_problem": problem,
        "phases": _phases(plan) if plan else [],
        "plan_hosts": [host.name for host in document.hosts],
    }


def _entries(cluster: Cluster, document: Document, found: tuple[Finding, ...]) -> list[Entry]:
    from clusters.wizard import flow

    given = {waiver["key"]: waiver for waiver in cluster.waivers}
    entries = []
    for finding in found:
        page, key = flow.owner(finding), waiver_key(finding)
        entries.append(Entry(finding, page, flow.anchor(document, page, finding), key, given.get(key)))
    return entries


def _plan(document: Document, found: tuple[Finding, ...]) -> tuple[Plan | None, InstallerError | None]:
    if any(finding.blocking for finding in found):
        return None, None
    discover(catalog)
    try:
        return make_plan(document, "create"), None
    except InstallerError as error:
        return None, error


def _phases(plan: Plan) -> list[tuple[str, list[Any]]]:
    """The plan's rows under their phases, in reading order."""
    phases: dict[str, list[Any]] = {}
    for step in plan.steps:
        phases.setdefault(step.phase, []).append(step)
    return list(phases.items())


PAGE = Page(
    slug="review",
    order=60,
    title=_("Review"),
    lead=_("What will be built, and in which steps. Nothing is changed before every check has passed."),
    icon="review",
    sections=(),
    bind=lambda document, data: NothingToFill(),
    context=context,
)
