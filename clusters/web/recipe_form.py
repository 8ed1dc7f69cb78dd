"""The form of a recipe, made of its questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _

from clusters.engine.question import LONGEST_TEXT
from clusters.wizard.core.fields import choice, describe, laid_out, number, text, tick, wide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import QueryDict

    from clusters.config.schema import Document
    from clusters.engine.question import Question
    from clusters.engine.recipe import Recipe


def recipe_form(recipe: Recipe, document: Document, data: QueryDict | None) -> Any:
    """A field for each question. Answers are validated where the run is queued, as for the terminal."""
    form = forms.Form(data, initial={question.name: question.initial for question in recipe.questions})
    for question in recipe.questions:
        form.fields[question.name] = _field(question, document)
    return laid_out(form, *(wide(question.name) for question in recipe.questions))


def answers_in(form: Any) -> dict[str, Any]:
    """The answers, including empty fields."""
    found = form.cleaned_data
    return {name: _answer(value) for name, value in found.items()}


def _answer(value: Any) -> Any:
    """A cleared number field is an empty answer, not the default."""
    if value is None:
        return ""
    return list(value) if isinstance(value, list) else value


def refuse(form: Any, problems: Mapping[str, str]) -> None:
    """Show each message beside its field."""
    for name, sentence in problems.items():
        form.add_error(name if name in form.fields else None, sentence)


def problems_of(form: Any) -> dict[str, list[dict[str, str]]]:
    """Field -> its problems, in the format that templates expect."""
    describe(form)
    return {name: [{"tone": "failed", "text": str(text)} for text in errors] for name, errors in form.errors.items()}


def _field(question: Question, document: Document) -> forms.Field:
    label, help_text = _(question.label), _(question.help) if question.help else ""
    found = [(each, each) for each in question.options(document)]
    match question.kind:
        case "number":
            return number(label, help_text)
        case "switch":
            return tick(label, help_text)
        case "choice" | "machine":
            return choice(label, found if question.initial else [("", "–"), *found], help_text)
        case "machines":
            widget = forms.SelectMultiple(attrs={"size": str(min(max(len(found), 2), 12))})
            return forms.MultipleChoiceField(
                label=label, help_text=help_text, choices=found, required=False, widget=widget
            )
    field = text(label, help_text)
    field.max_length = LONGEST_TEXT
    return field
