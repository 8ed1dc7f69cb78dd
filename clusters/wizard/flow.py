"""Flow: the pages in their order, the findings of each, and what the rail beside them shows."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from clusters.config.rules import check
from clusters.selectors import probes_of
from clusters.services import unread
from clusters.wizard import pages as package

if TYPE_CHECKING:
    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.wizard.page import Page


@cache
def pages() -> tuple[Page, ...]:
    """Every `PAGE` in `clusters.wizard.pages`, in order."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    found = [importlib.import_module(f"{package.__name__}.{name}").PAGE for name in names]
    return tuple(sorted(found, key=lambda page: page.order))


def page_called(slug: str) -> Page | None:
    """The page with that slug."""
    return next((page for page in pages() if page.slug == slug), None)


def neighbour(page: Page, step: int) -> Page | None:
    """The page `step` places on (1) or back (-1); none at the ends."""
    place = pages().index(page) + step
    return pages()[place] if 0 <= place < len(pages()) else None


def owner(finding: Finding) -> Page:
    """The page on which a finding is solved; the last one when no page has its key."""
    return next((page for page in pages() if page.owns(finding.path)), pages()[-1])


def findings_by_page(document: Document) -> dict[str, list[Finding]]:
    """Slug -> findings, every page there."""
    found: dict[str, list[Finding]] = {page.slug: [] for page in pages()}
    for finding in check(document):
        found[owner(finding).slug].append(finding)
    return found


def first_with_error(document: Document) -> Page:
    """Where to go on: the first page with a blocking finding, or the last page when there is none."""
    found = findings_by_page(document)
    return next((page for page in pages() if any(each.blocking for each in found[page.slug])), pages()[-1])


def anchor(document: Document, page: Page, finding: Finding) -> str:
    """The id of the field where a finding is solved, to be put behind the page's address; empty without one."""
    place = page.bind(document, None).place(finding.path)
    return f"#id_{place}" if place else ""


@dataclass(frozen=True, slots=True)
class RailItem:
    """A page in the rail; `state` is one of `ui.STATES`, `count` how many things want attention."""

    page: Page
    state: str
    count: int
    current: bool


def rail(
    cluster: Cluster, document: Document, current: Page, found: dict[str, list[Finding]] | None = None
) -> list[RailItem]:
    """The rail: one item a page; `found` are the findings by page, where they are at hand."""
    known = findings_by_page(document) if found is None else found
    return [RailItem(page, *_state(page, cluster, document, known), page == current) for page in pages()]


def _state(page: Page, cluster: Cluster, document: Document, found: dict[str, list[Finding]]) -> tuple[str, int]:
    if page.slug == "connection":
        return _connection_state(cluster, document)
    errors = [each for each in found[page.slug] if each.blocking]
    if errors:
        return "failed", len(errors)
    if page.slug == "review":
        return _review_state(cluster, [each for findings in found.values() for each in findings])
    warnings = unread(cluster, found[page.slug])
    return ("warning", len(warnings)) if warnings else ("ok", 0)


def _review_state(cluster: Cluster, found: list[Finding]) -> tuple[str, int]:
    if any(each.blocking for each in found):
        return "waiting", 0
    warnings = unread(cluster, found)
    return ("warning", len(warnings)) if warnings else ("ok", 0)


def _connection_state(cluster: Cluster, document: Document) -> tuple[str, int]:
    states = ["stale" if probe.stale else probe.state for probe in probes_of(cluster, document)]
    for state in ("failed", "ask"):
        if state in states:
            return state, states.count(state)
    if any(state in ("waiting", "running") for state in states):
        return "running", 0
    return ("ok", 0) if states and all(state == "ok" for state in states) else ("untested", 0)
