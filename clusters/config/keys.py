"""The properties of a document's key: type, default, description, KubeKey release, and whether Slipway uses it.

Everything about keys derives from these marks: reading, writing, what a dialect cannot express,
the JSON Schema, and the warning that a key is stored but has no effect yet.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from clusters.config.secret import Secret
from clusters.config.secrets.finder import hidden
from clusters.config.secrets.names import is_secret_key
from clusters.config.secrets.walk import called
from clusters.config.syntax import as_networks

if TYPE_CHECKING:
    from collections.abc import Iterable

ACTED, SINCE, V4, SHOWN = "x-acted-on", "x-since", "x-v4", "x-shown"
LINES = "x-lines"
INSTEAD, KUBEKEY_DEFAULT = "x-instead", "x-kubekey-default"
OURS = "99"
"""`since` of a key that only Slipway has: no KubeKey release has it."""
OWN = (99,)
"""The same as the release of a key."""
OLD = "deprecated"


def key(
    default: Any,
    description: str,
    *,
    acted: bool = True,
    since: str = "1.0",
    alias: str = "",
    v4: str = "",
    always_written: bool = False,
    old: bool = False,
    lines: bool = False,
    instead: str = "",
    kubekey_default: str = "",
    choices: tuple[str, ...] = (),
) -> Any:
    """A key of the document.

    `acted`: whether Slipway uses it (for a section: any key in it); `since`: the KubeKey release that added it;
    `v4`: its path in KubeKey 4's Config; `always_written`: even with the default value; `old`: superseded
    by another key, so it is not offered; `lines`: its text may have several lines; `instead`: what to do while Slipway
    does not use it; `kubekey_default`: another value that requests nothing; `choices`: the valid values (for rules and
    the JSON Schema).
    """
    optional = {V4: v4, SHOWN: always_written, OLD: old, LINES: lines, INSTEAD: instead}
    optional[KUBEKEY_DEFAULT] = kubekey_default
    marks: dict[str, Any] = {ACTED: acted, SINCE: since}
    marks |= {name: value for name, value in optional.items() if value}
    if choices:
        marks["enum"] = list(choices)
    if alias:
        return Field(default=default, alias=alias, description=description, json_schema_extra=marks)
    return Field(default=default, description=description, json_schema_extra=marks)


def _listed(value: Any) -> Any:
    """YAML may write an empty list as null; KubeKey accepts that, and so does Slipway."""
    return () if value is None else value


def text_of(value: Any) -> Any:
    """A bare number where text is expected (`name: 1`) becomes text; null becomes an empty text."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _given(value: Any) -> Any:
    """An empty secret becomes None."""
    return value or None


def _key_is_secret(value: Any) -> Any:
    """A path stays text; a private key in place of its path becomes a secret."""
    value = text_of(value)
    return Secret(value) if isinstance(value, str) and "PRIVATE KEY-----" in value else value


def _set_is_secret(value: Any) -> Any:
    """`adminPassword=x`, as for Helm's --set, becomes a secret."""
    value = text_of(value)
    return Secret(value) if isinstance(value, str) and is_secret_key(value.partition("=")[0]) else value


def or_default(default: str) -> BeforeValidator:
    """Like KubeKey, treat an empty text as not set."""
    return BeforeValidator(lambda value: text_of(value) or default)


def _as_networks(value: Any) -> Any:
    value = text_of(value)
    return as_networks(value) if isinstance(value, str) else value


def _without_dashes(value: Any) -> Any:
    """`--v=4` means v=4; a word without a value stays, so that a rule reports it."""
    items = _listed(value)
    if not isinstance(items, list | tuple):
        return items
    return [item.lstrip("-") if isinstance(item, str) and "=" in item else item for item in items]


Text = Annotated[str, BeforeValidator(text_of)]
Cidr = Annotated[str, BeforeValidator(_as_networks)]
"""A text with one network or two; an address in a network means the network."""
Names = Annotated[tuple[Text, ...], BeforeValidator(_listed)]
Arguments = Annotated[tuple[Text, ...], BeforeValidator(_without_dashes)]
"""Arguments of a program: name=value, with or without leading dashes."""
GivenSecret = Annotated[Secret | None, BeforeValidator(_given)]
PathOrKey = Annotated[str | Secret, BeforeValidator(_key_is_secret)]
SetValue = Annotated[str | Secret, BeforeValidator(_set_is_secret)]
OneOrMany = SetValue | tuple[SetValue, ...]
"""Helm values: a file's path (KubeKey 1.0), or a list as for --set."""


class Model(BaseModel):
    """Common settings of all parts of the document. Unknown keys are stored in `model_extra`."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="allow", hide_input_in_errors=True
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """For tracebacks and logs: scripts, arguments and addon values without their secrets."""
        names = {name: field.alias or name for name, field in type(self).model_fields.items()}
        for name, value in super().__repr_args__():
            yield name, hidden(value, mask=True, key=called(names.get(name or "", name or "")))


class Switch(Model):
    """A section that is on or off."""

    enabled: bool = key(False, "Whether it is enabled.")


@dataclass(frozen=True, slots=True)
class Key:
    """One key, compiled from its field.

    `kind` is model, models (a list of them), table (names to models), int, float, bool, text, names, values, labels
    (names to texts), flags (names to truth values), secret or raw; `inner` is the model's class.
    """

    name: str
    attribute: str
    kind: str
    inner: type[Model] | None
    default: Any
    acted: bool
    since: tuple[int, ...]
    v4: str
    always_written: bool
    lines: bool
    instead: str
    kubekey_default: str


@cache
def keys_of(model_class: type[Model]) -> dict[str, Key]:
    """Key in the file -> its properties. A name that begins with `---` is another part of the file, not a key."""
    hints = typing.get_type_hints(model_class)
    found: dict[str, Key] = {}
    for attribute, each in model_class.model_fields.items():
        marks = each.json_schema_extra if isinstance(each.json_schema_extra, dict) else {}
        kind, inner = _kind(hints[attribute])
        name = each.alias or attribute
        found[name] = Key(
            name=name,
            attribute=attribute,
            kind=kind,
            inner=inner,
            default=each.default,
            acted=bool(marks.get(ACTED, True)),
            since=tuple(int(part) for part in str(marks.get(SINCE, "1.0")).split(".")),
            v4=str(marks.get(V4, "")),
            always_written=bool(marks.get(SHOWN)),
            lines=bool(marks.get(LINES)),
            instead=str(marks.get(INSTEAD, "")),
            kubekey_default=str(marks.get(KUBEKEY_DEFAULT, "")),
        )
    return found


_SIMPLE = {int: "int", float: "float", bool: "bool", str: "text", Secret: "secret"}
_OF_DICT = {str: "labels", bool: "flags"}


def _kind(hint: Any) -> tuple[str, type[Model] | None]:
    if isinstance(hint, type) and not typing.get_args(hint):
        return ("model", hint) if issubclass(hint, Model) else (_SIMPLE[hint], None)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        given = [each for each in arguments if each is not type(None)]
        if any(typing.get_origin(each) is tuple for each in given):
            return "values", None
        return ("text", None) if str in given else _kind(given[0])
    inner = arguments[-1] if origin is dict else arguments[0]
    is_model = isinstance(inner, type) and issubclass(inner, Model)
    if origin is dict:
        return ("table", inner) if is_model else (_OF_DICT.get(inner, "raw"), None)
    return ("models", inner) if is_model else ("names", None)
