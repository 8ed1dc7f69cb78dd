"""The wizard's form fields and the crispy layout that renders them; in a draft, no field is required."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Div, Field, Layout
from django import forms
from django.template.loader import get_template
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.functional import _StrPromise

    Words = str | _StrPromise

AnyForm = TypeVar("AnyForm", bound=forms.BaseForm)

FIELD_TEMPLATE = "wizard/_field.html"


def text(label: Words, help_text: Words = "", *, mono: bool = False) -> forms.CharField:
    """A one-line field; `mono` for machine names and addresses."""
    attrs = {"class": "mono-input" if mono else "", "autocomplete": "off", "spellcheck": "false"}
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=1000, widget=widget)


def lines(label: Words, help_text: Words = "", *, rows: int = 4, **attrs: str) -> forms.CharField:
    """A field of several lines, stored as typed."""
    attrs = {"class": "mono-input", "autocomplete": "off", "spellcheck": "false", "rows": str(rows), **attrs}
    widget = forms.Textarea(attrs=attrs)
    return forms.CharField(
        label=label, help_text=help_text, required=False, strip=False, max_length=1_000_000, widget=widget
    )


def secret(label: Words, help_text: Words = "") -> forms.CharField:
    """A password field: write-only, so it never has an initial value."""
    widget = forms.PasswordInput(attrs={"class": "mono-input", "autocomplete": "new-password", "spellcheck": "false"})
    return forms.CharField(
        label=label, help_text=help_text, required=False, strip=False, max_length=65536, widget=widget
    )


class _SecretLines(forms.Textarea):
    """A write-only field of several lines, like a password."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """The template's context, without the value."""
        return super().get_context(name, None, attrs)


def secret_lines(label: Words, help_text: Words = "", *, rows: int = 5) -> forms.CharField:
    """A write-only field for a private key."""
    field = lines(label, help_text)
    field.widget = _SecretLines(attrs={**field.widget.attrs, "rows": str(rows)})
    return field


def typed_again(form: forms.BaseForm) -> dict[str, str]:
    """HTML name -> what to do, for each submitted password, key or file, because the page cannot show it again."""
    found: dict[str, Words] = {}
    for name, field in form.fields.items() if form.is_bound else ():
        place = form.add_prefix(name)
        if isinstance(field.widget, forms.FileInput):
            if form.files.get(place) and not form.errors.get(name):
                found[place] = _("Choose the file again: it was not saved.")
        elif isinstance(field.widget, forms.PasswordInput | _SecretLines) and form.data.get(place):
            found[place] = _("Type it again: it was not saved, and secrets are not sent back to the browser.")
    return {place: str(sentence) for place, sentence in found.items()}


def number(label: Words, help_text: Words = "") -> forms.IntegerField:
    """A field for a whole number; the rules check its range."""
    attrs = {"class": "mono-input", "inputmode": "numeric", "autocomplete": "off"}
    messages = {"invalid": _("Enter a whole number; the previous value is unchanged.")}
    widget = forms.TextInput(attrs=attrs)
    return forms.IntegerField(
        label=label, help_text=help_text, required=False, widget=widget, error_messages=messages,
        min_value=-(2**31), max_value=2**31,
    )  # fmt: skip


def choice(label: Words, choices: Iterable[tuple[str, Words]] = (), help_text: Words = "") -> forms.ChoiceField:
    """A choice of one option."""
    return forms.ChoiceField(
        label=label, help_text=help_text, choices=list(choices), required=False, widget=forms.Select()
    )


def tick(label: Words, help_text: Words = "") -> forms.BooleanField:
    """A checkbox."""
    widget = forms.CheckboxInput(attrs={"class": "tick"})
    return forms.BooleanField(label=label, help_text=help_text, required=False, widget=widget)


def laid_out(form: AnyForm, *rows: Any, css: str = "form-grid") -> AnyForm:
    """The form with the helper that `{% crispy form %}` renders: the fields in a grid, each with its problems.

    A row is a field name, `wide(name)`, or any crispy layout object; without rows, all fields.
    """
    describe(form)
    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = True
    helper.field_template = FIELD_TEMPLATE
    helper.layout = Layout(Div(*(rows or tuple(form.fields)), css_class=css))
    # Crispy looks for a helper on every form; Django's own forms have none.
    form.helper = helper  # type: ignore[attr-defined]
    return form


def give_choices(field: forms.Field, choices: Iterable[tuple[str, Words]]) -> None:
    """Give a choice field its list."""
    if isinstance(field, forms.ChoiceField):
        field.choices = list(choices)


def wide(*names: str, css: str = "") -> Field:
    """Fields as wide as the grid."""
    return Field(*names, wrapper_class=f"field-wide {css}".strip(), template=FIELD_TEMPLATE)


def describe(form: forms.BaseForm) -> None:
    """Point screen readers to each field's help and problems."""
    for name, field in form.fields.items():
        place = form.add_prefix(name)
        field.widget.attrs["aria-describedby"] = f"{f'help-{place} ' if field.help_text else ''}problem-{place}"


class TemplatePart:
    """A part of a layout with a separate template: a matrix, cards, or a sentence; it gets the page's context."""

    def __init__(self, template: str, *names: str) -> None:
        self._template = template
        self._names = names

    def render(self, form: Any, context: Any, **_: Any) -> str:
        """Render the template; crispy requires this method name."""
        form.rendered_fields.update(self._names)
        return get_template(self._template).render(context.flatten())
