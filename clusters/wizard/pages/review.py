"""The review page: all findings, the plan, and the button that starts the installation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from clusters import catalog
from clusters.config.root_texts import ARGUMENTS, DNS, HOSTS, PACKAGES, SCRIPT
from clusters.engine.plan import make_plan
from clusters.engine.recipe import DEFAULT
from clusters.engine.step import discover
from clusters.errors import InstallerError
from clusters.plaintext import visible_text
from clusters.selectors import probes_of
from clusters.services import answerable, counts, unread, waiver_key
from clusters.services.acknowledgements import sealed
from clusters.services.masked_texts import hides, texts_with_masks
from clusters.wizard.core import flow
from clusters.wizard.core.page import NothingToFill, Page
from clusters.wizard.prechecks.results import inspection_of

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from clusters.config.finding import Finding
    from clusters.config.root_texts import RootFile, RootText
    from clusters.config.schema import Document
    from clusters.engine.plan import Plan
    from clusters.models import Cluster
    from clusters.wizard.core.page import PageForm


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding with the page and the field where it is fixed; without a field, its line in the document.

    For findings that only the document of an order has, neither exists: `page` is None.
    `key` identifies its acknowledgement, empty when none is possible; `waiver` contains who gave it, and when.
    """

    finding: Finding
    page: Page | None
    anchor: str
    line: int
    key: str
    waiver: dict[str, Any] | None

    @property
    def weight(self) -> str:
        """The group that it belongs to."""
        return "waived" if self.finding.waived else "todo" if self.finding.absent else self.finding.severity.value


@dataclass(frozen=True, slots=True)
class ShownText:
    """A text that runs as root, in readable form; `readers` are the acknowledgements by user id.

    `masked` is the text for users who have not recently confirmed their password; None when it contains no secret.
    """

    title: str
    where: str
    name: str
    path: str
    text: str = field(repr=False)
    files: tuple[RootFile, ...]
    digest: str
    readers: dict[int, dict[str, Any]]
    masked: ShownText | None = field(default=None, repr=False)


TITLES = {
    SCRIPT: _("Script"),
    HOSTS: _("Lines for /etc/hosts"),
    PACKAGES: _("Packages"),
    DNS: _("Text for the cluster's DNS"),
    ARGUMENTS: _("Arguments and configuration"),
}

GROUPS = (
    ("todo", _("Still to do")),
    ("error", _("Blocking: fix these first")),
    ("waived", _("Waived errors")),
    ("warning", _("Warnings to acknowledge")),
    ("info", _("Good to know")),
)


def context(cluster: Cluster, document: Document, form: PageForm, found: tuple[Finding, ...]) -> dict[str, Any]:
    """Findings by severity with the place to fix each, the results of the prechecks, and the plan."""
    plan, problem = _plan(document, found)
    return {
        "groups": grouped(_entries(cluster, document, found)),
        "inspection": inspection_of(cluster),
        "root_texts": texts_shown(cluster, document),
        "blocking": sum(finding.blocking for finding in found),
        "unread": len(unread(cluster, found)),
        "unready": [probe.host for probe in probes_of(cluster, document) if probe.stale or probe.state != "ok"],
        "plan": plan,
        "plan_problem": problem,
        "phases": _phases(plan) if plan else [],
        "first": DEFAULT,
        "plan_hosts": [host.name for host in document.hosts],
    }


def grouped(entries: list[Entry]) -> list[tuple[str, _StrPromise, list[Entry]]]:
    """The entries by weight, each group with its title."""
    groups = [(weight, title, [entry for entry in entries if entry.weight == weight]) for weight, title in GROUPS]
    return [group for group in groups if group[2]]


def texts_shown(cluster: Cluster, document: Document, *others: str) -> list[ShownText]:
    """Texts that run as root, in full and masked: secrets that the finder detects, and every secret of the document.

    Secrets of the `others`, which are stored texts, are masked, too.
    """
    readers: dict[str, dict[int, dict[str, Any]]] = {}
    for record in cluster.acknowledged_texts:
        readers.setdefault(record["sealed"], {})[record["by_id"]] = record
    shown = []
    for text, masked in texts_with_masks(cluster.document, document, *others):
        whole = _shown_text(text, readers.get(sealed(text.digest), {}))
        shown.append(replace(whole, masked=_shown_text(masked, whole.readers) if hides(text, masked) else None))
    return shown


def _shown_text(text: RootText, readers: dict[int, dict[str, Any]]) -> ShownText:
    files = tuple(replace(file, text=visible_text(file.text)) for file in text.files)
    shown = visible_text(text.text)
    title = str(TITLES[text.kind])
    return ShownText(title, str(_where(text)), text.name, text.path, shown, files, text.digest, readers)


def _where(text: RootText) -> _StrPromise | str:
    if text.kind == DNS:
        return _("in the cluster")
    if text.kind == ARGUMENTS:
        return _("for programs that run as root")
    return _("on the machines of %(role)s") % {"role": text.role} if text.role else _("on every machine")


def _entries(cluster: Cluster, document: Document, found: tuple[Finding, ...]) -> list[Entry]:
    forms = {page.slug: page.bind(document, None) for page in flow.pages()}
    entries = []
    for entry in entries_of(cluster, found):
        page = flow.owner(entry.finding)
        place = forms[page.slug].place(entry.finding.path)
        anchor = f"#id_{place}" if place else ""
        entries.append(replace(entry, page=page, anchor=anchor, line=page.line(entry.finding)))
    return entries


def entries_of(cluster: Cluster, found: tuple[Finding, ...]) -> list[Entry]:
    """Each finding with its acknowledgement, and no page yet that solves it."""
    given = {waiver["key"]: waiver for waiver in cluster.waivers if counts(waiver)}
    may = set(answerable(found))
    keys = [(finding, waiver_key(finding)) for finding in found]
    return [Entry(finding, None, "", 0, key if finding in may else "", given.get(key)) for finding, key in keys]


def _plan(document: Document, found: tuple[Finding, ...]) -> tuple[Plan | None, InstallerError | None]:
    if any(finding.blocking for finding in found):
        return None, None
    discover(catalog)
    try:
        return make_plan(document), None
    except InstallerError as error:
        return None, error


def _phases(plan: Plan) -> list[tuple[str, list[Any]]]:
    """The plan's steps by phase, in reading order."""
    phases: dict[str, list[Any]] = {}
    for step in plan.steps:
        phases.setdefault(step.phase, []).append(step)
    return list(phases.items())


def rail_state(cluster: Cluster, document: Document, mine: list[Finding], everything: list[Finding]) -> tuple[str, int]:
    """Waiting while an error blocks; otherwise the number of unacknowledged warnings."""
    if any(finding.blocking for finding in everything):
        return "waiting", 0
    warnings = unread(cluster, everything)
    return ("warning", len(warnings)) if warnings else ("ok", 0)


PAGE = Page(
    slug="review",
    order=60,
    title=_("Review"),
    lead=_("What will be built, and in which steps. Nothing is changed before every check has passed."),
    icon="review",
    sections=(),
    bind=lambda document, data: NothingToFill(),
    context=context,
    rail_state=rail_state,
    shows_all_findings=True,
)
