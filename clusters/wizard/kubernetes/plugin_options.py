"""The options of a network plugin as form fields: one for each key, empty where the document has the default."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clusters.config.dialects.render import documents
from clusters.config.document_masks.misplaced import masks_astray
from clusters.config.document_masks.unmask import with_masks, with_secrets, with_stand_ins
from clusters.config.load import load
from clusters.config.plugin_options import Option, options_of
from clusters.config.yaml import emit
from clusters.wizard.core.fields import choice, lines, number, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clusters.config.schema import Document

_SWITCH = {"true": gettext_lazy("on"), "false": gettext_lazy("off")}


def shown_options(document: Document, plugin: str) -> tuple[Option, ...]:
    """The options to show; a superseded option only where the document sets it."""
    return tuple(each for each in options_of(plugin) if not each.old or _value(document, each) != each.default)


def name_of(option: Option) -> str:
    """The field name in the form."""
    return f"option-{option.attribute.replace('.', '-')}"


def paths_of(options: Iterable[Option]) -> dict[str, str]:
    """Path in the document -> field."""
    return {option.path: name_of(option) for option in options}


def field_of(document: Document, option: Option) -> forms.Field:
    """The field of an option, labelled with its path below the plugin."""
    label, help_text = option.path.split(".", 3)[-1] if option.path.count(".") > 2 else _("values"), option.title
    if option.kind == "switch":
        named = [(value, str(word)) for value, word in _SWITCH.items()]
        return choice(label, _with_default(named, str(option.default).lower()), help_text)
    if option.kind == "choice":
        value = str(_value(document, option))
        named = [(each, each) for each in dict.fromkeys((*option.choices, value))]
        return choice(label, _with_default(named, str(option.default)), help_text)
    if option.kind == "yaml":
        return _Yaml(document, option, label, help_text)
    field = number(label, help_text) if option.kind == "number" else text(label, help_text, mono=True)
    field.widget.attrs["placeholder"] = str(option.default)
    return field


def initial_of(document: Document, option: Option) -> str:
    """The initial value of the field; empty where the document has the default."""
    value = _value(document, option)
    if value == option.default:
        return ""
    if option.kind == "yaml":
        return _as_yaml(document, option)
    return str(value).lower() if option.kind == "switch" else str(value)


def with_options(
    document: Document, options: Iterable[Option], cleaned: Mapping[str, Any], sent: Iterable[str]
) -> Document:
    """The document with the submitted valid values; an empty field means the default."""
    given = set(sent)
    for option in options:
        name = name_of(option)
        if name in given and name in cleaned:
            document = _written(document, option, _meant(option, cleaned[name]))
    return document


class _Yaml(forms.CharField):
    """Labels, networks or a chart's values as YAML; `clean` returns the document's value."""

    def __init__(self, document: Document, option: Option, label: str, help_text: str) -> None:
        self._document, self._option = document, option
        shape = lines(label, help_text, rows=2)
        super().__init__(label=label, help_text=help_text, required=False, strip=False, widget=shape.widget)

    def clean(self, value: Any) -> Any:
        """Read it like the document; a mask stands for the stored secret."""
        text = str(super().clean(value)).replace("\r\n", "\n").strip("\n")
        if not text.strip():
            return self._option.default
        if text == _as_yaml(self._document, self._option):
            return _value(self._document, self._option)
        loaded = load(_around(self._option, with_stand_ins(text)))
        here = [each for each in loaded.findings if each.path.startswith(self._option.path)]
        wrong = [each for each in (here if loaded.document is not None else loaded.findings) if each.blocking]
        if loaded.document is None or wrong:
            message = with_masks(wrong[0].message) if wrong else _("Invalid YAML.")
            raise forms.ValidationError(message)
        fresh = _written(self._document, self._option, _value(loaded.document, self._option))
        filled, missing = with_secrets(fresh, self._document)
        if missing or masks_astray(_around(self._option, with_stand_ins(text))):
            raise forms.ValidationError(_("No secret is stored for this mask; type the secret itself."))
        return _value(filled, self._option)


def _with_default(named: list[tuple[str, str]], default: str) -> list[tuple[str, str]]:
    word = dict(named).get(default, default)
    return [("", _("%(value)s (default)") % {"value": word or "–"}), *(each for each in named if each[0] != default)]


def _meant(option: Option, value: Any) -> Any:
    if value in (None, ""):
        return option.default
    return value == "true" if option.kind == "switch" else value


def _value(document: Document, option: Option) -> Any:
    return reduce(getattr, option.attribute.split("."), document.network)


def _written(document: Document, option: Option, value: Any) -> Document:
    """The document with this value; the same object when the value does not change."""
    if _value(document, option) == value:
        return document
    network = _replaced(document.network, option.attribute.split("."), value)
    return document.model_copy(update={"network": network})


def _replaced(section: Any, names: list[str], value: Any) -> Any:
    name, *rest = names
    inner = _replaced(getattr(section, name), rest, value) if rest else value
    return section.model_copy(update={name: inner})


def _as_yaml(document: Document, option: Option) -> str:
    """The value as YAML, with masked secrets."""
    (whole, *_others) = documents(document.model_copy(update={"hosts": ()}), "v1alpha2", "mask")
    found: Any = reduce(lambda data, key: data.get(key, {}), option.path.split("."), whole)
    if isinstance(found, list | tuple):
        return "\n".join(emit.items(found, 0))
    return "\n".join(emit.block(found)) if found else ""


def _around(option: Option, text: str) -> str:
    """A whole document with this text as the option's value."""
    keys = option.path.split(".")
    above = [f"{'  ' * depth}{key}:" for depth, key in enumerate(keys)]
    inside = [f"{'  ' * len(keys)}{line}" for line in text.split("\n")]
    return "\n".join(["apiVersion: kubekey.kubesphere.io/v1alpha2", "kind: Cluster", *above, *inside, ""])
