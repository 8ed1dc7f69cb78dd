"""Form fields as the wizard uses them: nothing is required, since a draft may be half filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.functional import _StrPromise


def text(label: str | _StrPromise, help_text: str | _StrPromise = "", *, mono: bool = False) -> forms.CharField:
    """One line; `mono` for names of machines and addresses."""
    attrs = {"class": f"form-control{' mono-input' if mono else ''}", "autocomplete": "off", "spellcheck": "false"}
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=1000, widget=widget)


def number(label: str | _StrPromise, help_text: str | _StrPromise = "") -> forms.IntegerField:
    """A whole number; its range is a rule's business."""
    attrs = {"class": "form-control mono-input", "inputmode": "numeric", "autocomplete": "off"}
    messages = {"invalid": "A whole number is expected here; what was there before is kept."}
    widget = forms.TextInput(attrs=attrs)
    return forms.IntegerField(
        label=label, help_text=help_text, required=False, widget=widget, error_messages=messages,
        min_value=-(2**31), max_value=2**31,
    )  # fmt: skip


def choice(
    label: str | _StrPromise, choices: Iterable[tuple[str, str | _StrPromise]] = (), help_text: str | _StrPromise = ""
) -> forms.ChoiceField:
    """One of a few."""
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, help_text=help_text, choices=list(choices), required=False, widget=widget)


def describe(form: forms.BaseForm) -> None:
    """Tell screen readers where each field's problems are said."""
    for name, field in form.fields.items():
        field.widget.attrs["aria-describedby"] = f"problem-{form.add_prefix(name)}"
