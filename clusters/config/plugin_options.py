"""The options of each network plugin as data, for pages and other programs that offer them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from clusters.config.keys import ACTED, OLD
from clusters.config.plugins import plugin_of
from clusters.config.sections.network import Network

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Option:
    """An option that Slipway uses.

    `path` is its place in the document (`spec.network.calico.ipipMode`) and `attribute` below `document.network`
    (`calico.ipip_mode`). `kind` is `switch`, `number`, `text`, `choice`, or `yaml` for structured values
    (labels, networks, a chart's values). `old`: superseded by another option.
    """

    path: str
    attribute: str
    title: str
    kind: str
    default: Any
    choices: tuple[str, ...] = ()
    old: bool = False


def options_of(plugin: str) -> tuple[Option, ...]:
    """The options of a plugin in the document's order; empty for `bridge`, `none` and unknown plugins."""
    found = plugin_of(plugin)
    if found is None or found.section is None:
        return ()
    info = Network.model_fields[found.attribute]
    return tuple(_options(info, f"spec.network.{info.alias or plugin}", found.attribute))


def _options(info: FieldInfo, path: str, attribute: str) -> list[Option]:
    marks = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    if not marks.get(ACTED, True):
        return []
    default = info.default
    if isinstance(default, BaseModel):
        found: list[Option] = []
        for name, inner in type(default).model_fields.items():
            found += _options(inner, f"{path}.{inner.alias or name}", f"{attribute}.{name}")
        return found
    choices = marks.get("enum")
    texts = tuple(str(each) for each in choices) if isinstance(choices, list) else ()
    old = bool(marks.get(OLD))
    return [Option(path, attribute, info.description or "", _kind(default, texts), default, texts, old)]


def _kind(default: Any, choices: tuple[str, ...]) -> str:
    if choices:
        return "choice"
    if isinstance(default, bool):
        return "switch"
    if isinstance(default, int):
        return "number"
    return "text" if isinstance(default, str) else "yaml"
