"""Form fields as the wizard uses them, and the crispy layout that draws them: nothing is required in a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Div, Field, Layout
from django import forms
from django.template.loader import get_template
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.functional import _StrPromise

    Words = str | _StrPromise

FIELD_TEMPLATE = "wizard/_field.html"


def text(label: Words, help_text: Words = "", *, mono: bool = False) -> forms.CharField:
    """One line; `mono` for names of machines and addresses."""
    attrs = {"class": "mono-input" if mono else "", "autocomplete": "off", "spellcheck": "false"}
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=1000, widget=widget)


def lines(label: Words, help_text: Words = "", *, rows: int = 4, **attrs: str) -> forms.CharField:
    """Several lines, kept as typed."""
    attrs = {"class": "mono-input", "autocomplete": "off", "spellcheck": "false", "rows": str(rows), **attrs}
    widget = forms.Textarea(attrs=attrs)
    return forms.CharField(
        label=label, help_text=help_text, required=False, strip=False, max_length=1_000_000, widget=widget
    )


def secret(label: Words, help_text: Words = "") -> forms.CharField:
    """A password: it goes in and never comes out, so it is never given an initial value."""
    widget = forms.PasswordInput(attrs={"class": "mono-input", "autocomplete": "new-password", "spellcheck": "false"})
    return forms.CharField(
        label=label, help_text=help_text, required=False, strip=False, max_length=65536, widget=widget
    )


class _SecretLines(forms.Textarea):
    """Several lines that go in and never come out, as a password does."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """What the template is given: no value."""
        return super().get_context(name, None, attrs)


def secret_lines(label: Words, help_text: Words = "", *, rows: int = 5) -> forms.CharField:
    """A private key: lines that go in and never come out."""
    field = lines(label, help_text)
    field.widget = _SecretLines(attrs={**field.widget.attrs, "rows": str(rows)})
    return field


def typed_again(form: forms.BaseForm) -> dict[str, str]:
    """HTML name -> what to do, for each password, key or file that was sent: the page cannot show it again."""
    found: dict[str, str] = {}
    for name, field in form.fields.items() if form.is_bound else ():
        place = form.add_prefix(name)
        if isinstance(field.widget, forms.FileInput):
            if form.files.get(place) and not form.errors.get(name):
                found[place] = _("Choose the file again: it was not saved.")
        elif isinstance(field.widget, forms.PasswordInput | _SecretLines) and form.data.get(place):
            found[place] = _("Type it again: it was not saved, and secrets are not sent back to the browser.")
    return {place: str(sentence) for place, sentence in found.items()}


def number(label: Words, help_text: Words = "") -> forms.IntegerField:
    """A whole number; its range is a rule's business."""
    attrs = {"class": "mono-input", "inputmode": "numeric", "autocomplete": "off"}
    messages = {"invalid": _("A whole number is expected here; the value before it stays.")}
    widget = forms.TextInput(attrs=attrs)
    return forms.IntegerField(
        label=label, help_text=help_text, required=False, widget=widget, error_messages=messages,
        min_value=-(2**31), max_value=2**31,
    )  # fmt: skip


def choice(label: Words, choices: Iterable[tuple[str, Words]] = (), help_text: Words = "") -> forms.ChoiceField:
    """One of a few."""
    return forms.ChoiceField(
        label=label, help_text=help_text, choices=list(choices), required=False, widget=forms.Select()
    )


def tick(label: Words, help_text: Words = "") -> forms.BooleanField:
    """Yes or no."""
    widget = forms.CheckboxInput(attrs={"class": "tick"})
    return forms.BooleanField(label=label, help_text=help_text, required=False, widget=widget)


def laid_out(form: Any, *rows: Any, css: str = "form-grid") -> Any:
    """The form with the helper by which `{% crispy form %}` draws it: the fields in a grid, each with its problems.

    A row is the name of a field, `wide(name)`, or anything that crispy has for a layout; without rows all fields.
    """
    describe(form)
    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = True
    helper.field_template = FIELD_TEMPLATE
    helper.layout = Layout(Div(*(rows or tuple(form.fields)), css_class=css))
    form.helper = helper
    return form


def wide(*names: str, css: str = "") -> Field:
    """Fields that take the whole width of the grid."""
    return Field(*names, wrapper_class=f"field-wide {css}".strip(), template=FIELD_TEMPLATE)


def describe(form: forms.BaseForm) -> None:
    """Tell screen readers where each field's help and problems are said."""
    for name, field in form.fields.items():
        place = form.add_prefix(name)
        field.widget.attrs["aria-describedby"] = f"{f'help-{place} ' if field.help_text else ''}problem-{place}"


class Drawn:
    """A part of a layout that a template draws: a matrix, cards, or a sentence; it sees what the page sees."""

    def __init__(self, template: str, *names: str) -> None:
        self._template = template
        self._names = names

    def render(self, form: Any, context: Any, **_: Any) -> str:
        """Draw it; crispy's own name for this."""
        form.rendered_fields.update(self._names)
        return get_template(self._template).render(context.flatten())
