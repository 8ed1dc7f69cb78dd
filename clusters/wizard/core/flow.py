"""The order of the pages, the findings of each page, and the contents of the rail."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from clusters.services import findings_of, judged
from clusters.wizard import pages as package

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.wizard.core.page import Page


@cache
def pages() -> tuple[Page, ...]:
    """Every `PAGE` in `clusters.wizard.pages`, in order."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    found = [importlib.import_module(f"{package.__name__}.{name}").PAGE for name in names]
    return tuple(sorted(found, key=lambda page: page.order))


def page_called(slug: str) -> Page | None:
    """The page with that slug."""
    return next((page for page in pages() if page.slug == slug), None)


def neighbor(page: Page, step: int) -> Page | None:
    """The next page (`step` 1) or the previous one (-1); None at the ends."""
    place = pages().index(page) + step
    return pages()[place] if 0 <= place < len(pages()) else None


def owner(finding: Finding) -> Page:
    """The page on which a finding is fixed; the last page when no page owns its path."""
    return next((page for page in pages() if page.owns(finding.path)), pages()[-1])


def judged_findings(cluster: Cluster, document: Document) -> tuple[Finding, ...]:
    """What the rules find; a waived error does not block."""
    return judged(cluster, findings_of(cluster, document))


def by_page(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Slug -> findings, with an entry for every page."""
    found: dict[str, list[Finding]] = {page.slug: [] for page in pages()}
    for finding in findings:
        found[owner(finding).slug].append(finding)
    return found


def first_with_problem(cluster: Cluster, document: Document) -> Page:
    """The first page with a failure or something to do, or the last page when there is none."""
    items = rail(cluster, document, pages()[-1])
    return next((item.page for item in items if item.state in ("failed", "todo")), pages()[-1])


@dataclass(frozen=True, slots=True)
class RailItem:
    """A page in the rail; `state` is one of `ui.STATES`, `count` the number of items that need attention."""

    page: Page
    state: str
    count: int
    current: bool


def rail(
    cluster: Cluster, document: Document, current: Page, found: dict[str, list[Finding]] | None = None
) -> list[RailItem]:
    """The rail, with one item per page; `found` are the findings by page if the caller already has them."""
    known = by_page(judged_findings(cluster, document)) if found is None else found
    everything = [finding for findings in known.values() for finding in findings]
    return [
        RailItem(page, *page.rail_state(cluster, document, known[page.slug], everything), page == current)
        for page in pages()
    ]
