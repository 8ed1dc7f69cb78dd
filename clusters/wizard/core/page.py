"""Page: one step of the wizard, which reads from and writes to the document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol

from clusters.services import unread
from clusters.wizard.core.fields import AnyForm, typed_again

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
    """The message beside a field; `tone` is a design token: failed, waiting (nothing entered yet), warning, running (a
    note) or skipped (waived)."""

    tone: str
    text: str = field(repr=False)


class PageForm(Protocol):
    """The input of a page: a form, a set of forms, or nothing."""

    def is_valid(self) -> bool:
        """Whether everything can be stored; a value that cannot be stored is left unchanged."""
        ...

    def written(self, document: Document) -> Document:
        """The document with every value that could be stored."""
        ...

    def names(self) -> tuple[str, ...]:
        """The HTML names of the fields that can show a problem."""
        ...

    def refusals(self) -> dict[str, list[str]]:
        """HTML name -> why its input is not stored."""
        ...

    def place(self, path: str) -> str:
        """The HTML name of the field for a path of the document; empty when the page has no such field."""
        ...

    def secrets(self) -> dict[str, str]:
        """HTML name -> what to do, for each submitted secret that was not saved."""
        ...

    def context(self, problems: Mapping[str, list[Problem]]) -> dict[str, Any]:
        """What the page's template needs from the form in addition to its fields."""
        ...

    def show_others(self) -> None:
        """Also show items that another user added after the page was opened."""
        ...


def state_by_findings(
    cluster: Cluster, document: Document, mine: list[Finding], everything: list[Finding]
) -> tuple[str, int]:
    """The rail state of a page that has only findings: failed, todo, warning or ok, and a count."""
    errors = [finding for finding in mine if finding.blocking]
    if errors:
        return ("todo" if all(each.absent for each in errors) else "failed"), len(errors)
    warnings = unread(cluster, mine)
    return ("warning", len(warnings)) if warnings else ("ok", 0)


@dataclass(frozen=True, slots=True)
class Page:
    """`sections` are the parts of the document whose findings belong here.

    `context` is the additional context of the template; it gets everything that the rules found in the document.
    `rail_state` returns one of `ui.STATES` and a count, from the findings of this page and those of the whole document.
    `shows_all_findings`: the page lists every finding, including those about keys that are stored but have no effect.
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
        """The path of the page's template."""
        return f"wizard/{self.slug}.html"

    def owns(self, path: str) -> bool:
        """Whether a finding at this path is fixed on this page."""
        return any(path == section or path.startswith(f"{section}.") for section in self.sections)

    def line(self, finding: Finding) -> int:
        """The document line to edit for a finding without a field; 0 when the page itself fixes it."""
        return 0 if finding.path in self.sections else finding.line


class NothingToFill:
    """The form of a page without fields."""

    def is_valid(self) -> bool:
        """Always true, because the page has no input."""
        return True

    def written(self, document: Document) -> Document:
        """The unchanged document."""
        return document

    def names(self) -> tuple[str, ...]:
        """No fields."""
        return ()

    def refusals(self) -> dict[str, list[str]]:
        """Nothing was typed."""
        return {}

    def place(self, path: str) -> str:
        """Always empty, because the page has no fields."""
        return ""

    def secrets(self) -> dict[str, str]:
        """Nothing was typed."""
        return {}

    def context(self, problems: Mapping[str, list[Problem]]) -> dict[str, Any]:
        """No additional context."""
        return {}

    def show_others(self) -> None:
        """Nothing to do."""


class OneForm(Generic[AnyForm]):
    """A Django form whose fields belong to paths; `write` gets the valid values and leaves the rest unchanged."""

    def __init__(
        self,
        form: AnyForm,
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
        """The field whose path is the longest prefix of this path."""
        found = [known for known in self._paths if path == known or path.startswith(f"{known}.")]
        return self._paths[max(found, key=len)] if found else ""

    def secrets(self) -> dict[str, str]:
        """The form's passwords and keys."""
        return typed_again(self.form)

    def context(self, problems: Mapping[str, list[Problem]]) -> dict[str, Any]:
        """No additional context."""
        return {}

    def show_others(self) -> None:
        """Nothing to do: the form has the same fields for every user."""


_TONES = {"error": "failed", "warning": "warning", "info": "running"}


def tone_of(finding: Finding) -> str:
    """The design token for a finding; red is only for something that was entered."""
    return "skipped" if finding.waived else "waiting" if finding.absent else _TONES[finding.severity.value]


def problems(form: PageForm, findings: Iterable[Finding]) -> dict[str, list[Problem]]:
    """The problems of each field of the form; fields without a problem have an empty list."""
    found: dict[str, list[Problem]] = {name: [] for name in form.names()}
    for name, texts in form.refusals().items():
        found.setdefault(name, []).extend(Problem("failed", text) for text in texts)
    for finding in findings:
        name = form.place(finding.path)
        if name and not form.refusals().get(name):
            tone = tone_of(finding)
            found.setdefault(name, []).append(Problem(tone, finding.message))
    return found


def problems_of(forms: Iterable[BaseForm]) -> dict[str, list[Problem]]:
    """The problems of forms without a document: rejected input, and secrets to type again."""
    found: dict[str, list[Problem]] = {}
    for form in forms:
        for name, errors in form.errors.items() if form.is_bound else ():
            place = form[name].html_name if name in form.fields else name
            found.setdefault(place, []).extend(Problem("failed", str(text)) for text in errors)
        for place, text in typed_again(form).items():
            found.setdefault(place, []).append(Problem("warning", text))
    return found
