"""Page: one step of the wizard, which reads from and writes to the document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from clusters.services import unread
from clusters.wizard.core.fields import typed_again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.forms import BaseForm
    from django.http import QueryDict
    from django.utils.functional import _StrPromise

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.models import Cluster

    Context = Callable[[Cluster, Document, "PageForm", tuple[Finding, ...]], dict[str, Any]]
    RailState = Callable[[Cluster, Document, list[Finding], list[Finding]], tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is said beside a field: `tone` is failed, warning, running (a note) or skipped (waived), of the tokens."""

    tone: str
    text: str = field(repr=False)


class PageForm(Protocol):
    """What a page is filled in with: a form, a set of forms, or nothing at all."""

    def is_valid(self) -> bool:
        """Whether everything can be stored; what cannot be is left as it was."""
        ...

    def written(self, document: Document) -> Document:
        """The document with all that could be stored."""
        ...

    def names(self) -> tuple[str, ...]:
        """The HTML names of the places that can show a problem."""
        ...

    def refusals(self) -> dict[str, list[str]]:
        """Name -> why what was typed there is not stored."""
        ...

    def place(self, path: str) -> str:
        """The HTML name that belongs to a path of the document; empty when there is none on the page."""
        ...

    def secrets(self) -> dict[str, str]:
        """Name -> what to do about each secret that was sent, when it was not saved."""
        ...

    def context(self, problems: Mapping[str, list[Problem]]) -> dict[str, Any]:
        """What the page's template needs of the form besides its fields."""
        ...

    def show_others(self) -> None:
        """Also show what the page did not have when it was sent, because somebody else added it meanwhile."""
        ...


def state_by_findings(
    cluster: Cluster, document: Document, mine: list[Finding], everything: list[Finding]
) -> tuple[str, int]:
    """The rail's state of a page that has findings alone: failed, warning or ok, and how many."""
    errors = [finding for finding in mine if finding.blocking]
    if errors:
        return "failed", len(errors)
    warnings = unread(cluster, mine)
    return ("warning", len(warnings)) if warnings else ("ok", 0)


@dataclass(frozen=True, slots=True)
class Page:
    """`sections` are the parts of the document whose findings belong here.

    `context` is what the template asks for besides; it is given everything that the rules found in the document.
    `rail_state` gives one of `ui.STATES` and a count, from the findings of this page and those of the whole document.
    `shows_all_findings`: the page lists every finding, also those about keys that are stored and not acted on.
    """

    slug: str
    order: int
    title: _StrPromise
    lead: _StrPromise
    icon: str
    sections: tuple[str, ...]
    bind: Callable[[Document, QueryDict | None], PageForm]
    context: Context = lambda cluster, document, form, found: {}
    rail_state: RailState = state_by_findings
    shows_all_findings: bool = False

    @property
    def template(self) -> str:
        """The page's own template."""
        return f"wizard/{self.slug}.html"

    def owns(self, path: str) -> bool:
        """Whether a finding at this path is solved on this page."""
        return any(path == section or path.startswith(f"{section}.") for section in self.sections)

    def line(self, finding: Finding) -> int:
        """The line of the document that solves a finding without a field; 0 where the page itself does."""
        return 0 if finding.path in self.sections else finding.line


class NothingToFill:
    """The form of a page without fields."""

    def is_valid(self) -> bool:
        """There is nothing that could be wrong."""
        return True

    def written(self, document: Document) -> Document:
        """The document as it is."""
        return document

    def names(self) -> tuple[str, ...]:
        """No places."""
        return ()

    def refusals(self) -> dict[str, list[str]]:
        """Nothing was typed."""
        return {}

    def place(self, path: str) -> str:
        """No path has a place here."""
        return ""

    def secrets(self) -> dict[str, str]:
        """Nothing was typed."""
        return {}

    def context(self, problems: Mapping[str, list[Problem]]) -> dict[str, Any]:
        """Nothing."""
        return {}

    def show_others(self) -> None:
        """There is nothing to show."""


class OneForm:
    """A Django form whose fields belong to paths; `write` gets what is valid and leaves the rest as it was."""

    def __init__(
        self,
        form: BaseForm,
        paths: Mapping[str, str],
        write: Callable[[Document, dict[str, Any]], Document],
    ) -> None:
        self.form = form
        self._paths = paths
        self._write = write

    def is_valid(self) -> bool:
        """Whether every field can be stored."""
        return self.form.is_valid()

    def written(self, document: Document) -> Document:
        """The document with the valid fields."""
        self.form.is_valid()
        return self._write(document, dict(self.form.cleaned_data))

    def names(self) -> tuple[str, ...]:
        """The fields' names."""
        return tuple(self.form[name].html_name for name in self.form.fields)

    def refusals(self) -> dict[str, list[str]]:
        """The form's errors."""
        if not self.form.is_bound:
            return {}
        return {self.form[name].html_name: [str(text) for text in errors] for name, errors in self.form.errors.items()}

    def place(self, path: str) -> str:
        """The field of the longest path that is a beginning of this one."""
        found = [known for known in self._paths if path == known or path.startswith(f"{known}.")]
        return self._paths[max(found, key=len)] if found else ""

    def secrets(self) -> dict[str, str]:
        """The form's passwords and keys."""
        return typed_again(self.form)

    def context(self, problems: Mapping[str, list[Problem]]) -> dict[str, Any]:
        """The fields are all there is."""
        return {}

    def show_others(self) -> None:
        """A form has the same fields for everybody."""


_TONES = {"error": "failed", "warning": "warning", "info": "running"}


def problems(form: PageForm, findings: Iterable[Finding]) -> dict[str, list[Problem]]:
    """What is said at each place of the form; places without a problem are there with an empty list."""
    found: dict[str, list[Problem]] = {name: [] for name in form.names()}
    for name, texts in form.refusals().items():
        found.setdefault(name, []).extend(Problem("failed", text) for text in texts)
    for finding in findings:
        name = form.place(finding.path)
        if name and not form.refusals().get(name):
            tone = "skipped" if finding.waived else _TONES[finding.severity.value]
            found.setdefault(name, []).append(Problem(tone, finding.message))
    return found


def problems_of(forms: Iterable[BaseForm]) -> dict[str, list[Problem]]:
    """What is said at the fields of forms without a document: what was refused, and which secrets to type again."""
    found: dict[str, list[Problem]] = {}
    for form in forms:
        for name, errors in form.errors.items() if form.is_bound else ():
            place = form[name].html_name if name in form.fields else name
            found.setdefault(place, []).extend(Problem("failed", str(text)) for text in errors)
        for place, text in typed_again(form).items():
            found.setdefault(place, []).append(Problem("warning", text))
    return found
