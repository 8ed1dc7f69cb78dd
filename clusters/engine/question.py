"""Question: what a recipe asks a person before it starts; answers are checked and limited in size."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from clusters.errors import InstallerError
from clusters.numbers import signed_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from clusters.config.schema import Document

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
LONGEST_TEXT = 1_000
"""Characters of a text."""
LARGEST_NUMBER = 10**9

Kind = Literal["text", "number", "switch", "choice", "machine", "machines"]
EMPTY: dict[Kind, Any] = {"text": "", "number": None, "switch": False, "choice": "", "machine": "", "machines": ()}
"""The answer to an unanswered question without a default."""


@dataclass(frozen=True, slots=True)
class Question:
    """`choices` returns the values of a choice, or the machines to choose from: without it, all of the document.

    `problem` returns the sentence that refuses an answer, empty for a good one; it is not called for an empty answer.
    """

    name: str
    label: str
    help: str = ""
    kind: Kind = "text"
    default: Any = None
    required: bool = False
    choices: Callable[[Document], Sequence[str]] | None = None
    problem: Callable[[Any, Document], str] | None = None

    @property
    def initial(self) -> Any:
        """The answer to start with."""
        return EMPTY[self.kind] if self.default is None else self.default

    def options(self, document: Document) -> tuple[str, ...]:
        """The values to choose from."""
        if self.choices is not None:
            return tuple(self.choices(document))
        return tuple(host.name for host in document.hosts) if self.kind in ("machine", "machines") else ()


class AnswersRefused(InstallerError):
    """Some answers cannot be used; `problems` maps the name of each question to a sentence."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(next(iter(problems.values())))
        self.problems = dict(problems)


def check_answers(questions: Sequence[Question], document: Document, given: Mapping[str, Any]) -> dict[str, Any]:
    """The answers to all questions as JSON types. Raises AnswersRefused."""
    known = {question.name for question in questions}
    problems = {
        str(name)[:40]: f"{str(name)[:40]!r} is not a question of this recipe." for name in given if name not in known
    }
    answers = {}
    for question in questions:
        value, problem = _check(question, document, given.get(question.name))
        answers[question.name] = value
        if problem:
            problems[question.name] = f"{question.label}: {problem}"
    if problems:
        raise AnswersRefused(problems)
    return answers


def _check(question: Question, document: Document, given: Any) -> tuple[Any, str]:
    """The answer, and the sentence that refuses it."""
    value = question.initial if given is None else given
    if value in (None, "", [], ()):
        empty = [] if question.kind == "machines" else EMPTY[question.kind]
        return empty, "An answer is required." if question.required else ""
    value, problem = _READERS[question.kind](value, question.options(document))
    if not problem and question.problem is not None:
        problem = question.problem(value, document)
    return value, problem


def _text(value: Any, choices: tuple[str, ...]) -> tuple[Any, str]:
    value = str(value).strip()
    if len(value) > LONGEST_TEXT:
        return "", f"At most {LONGEST_TEXT:,} characters are allowed."
    return (value, "") if value.isprintable() else ("", "A line break or control character is not allowed.")


def _number(value: Any, choices: tuple[str, ...]) -> tuple[Any, str]:
    found = signed_number(str(value)[:20].strip())
    if found is None or abs(found) > LARGEST_NUMBER:
        return None, f"Expected a whole number of at most {LARGEST_NUMBER:,}."
    return found, ""


def _switch(value: Any, choices: tuple[str, ...]) -> tuple[Any, str]:
    return (value, "") if isinstance(value, bool) else (False, "Expected yes or no.")


def _one_of(value: Any, choices: tuple[str, ...]) -> tuple[Any, str]:
    if value in choices:
        return value, ""
    return "", f"{str(value)[:60]!r} is not available; choose from: {', '.join(choices[:10]) or 'none'}."


def _some_of(value: Any, choices: tuple[str, ...]) -> tuple[Any, str]:
    names = {str(each) for each in value} if isinstance(value, list | tuple) else {str(value)}
    unknown = sorted(names - set(choices))
    if unknown:
        return [], _one_of(unknown[0], choices)[1]
    return [name for name in choices if name in names], ""


_READERS: dict[Kind, Callable[[Any, tuple[str, ...]], tuple[Any, str]]] = {
    "text": _text,
    "number": _number,
    "switch": _switch,
    "choice": _one_of,
    "machine": _one_of,
    "machines": _some_of,
}
