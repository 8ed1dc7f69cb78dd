"""The keys of a document that a dialect does not have, and the document without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config.keys import Key, Model, keys_of
from clusters.config.paths import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def losses(section: Model, path: str, is_lost: Callable[[Key, str], bool]) -> Iterator[tuple[str, Key]]:
    """The lost keys of a section and its subsections that differ from their defaults."""
    for key in keys_of(type(section)).values():
        value = section.__dict__[key.attribute]
        if value == key.default or key.name.startswith("---"):
            continue
        inner = f"{path}.{key.name}"
        if is_lost(key, inner):
            yield inner, key
        elif isinstance(value, Model):
            yield from losses(value, inner, is_lost)
        elif key.kind in ("models", "table"):
            for name, each in _numbered(value):
                yield from losses(each, joined(inner, name), is_lost)


def without(section: Model, path: str, is_lost: Callable[[Key, str], bool]) -> Any:
    """The section with its lost keys at their defaults."""
    update: dict[str, Any] = {}
    for key in keys_of(type(section)).values():
        value = section.__dict__[key.attribute]
        if value == key.default or key.name.startswith("---"):
            continue
        inner = f"{path}.{key.name}"
        if is_lost(key, inner):
            update[key.attribute] = key.default
        elif isinstance(value, Model):
            update[key.attribute] = without(value, inner, is_lost)
        elif key.kind == "models":
            update[key.attribute] = tuple(
                without(each, joined(inner, name), is_lost) for name, each in _numbered(value)
            )
        elif key.kind == "table":
            update[key.attribute] = {name: without(each, joined(inner, name), is_lost) for name, each in value.items()}
    return section.model_copy(update=update) if update else section


def _numbered(value: Any) -> Iterator[tuple[Any, Model]]:
    return iter(value.items() if isinstance(value, dict) else enumerate(value))


def bare(section: Model) -> Any:
    """The section without unknown keys, including subsections."""
    update: dict[str, Any] = {}
    for key in keys_of(type(section)).values():
        value = section.__dict__[key.attribute]
        if isinstance(value, Model):
            update[key.attribute] = bare(value)
        elif key.kind == "models":
            update[key.attribute] = tuple(bare(each) for each in value)
        elif key.kind == "table":
            update[key.attribute] = {name: bare(each) for name, each in value.items()}
        else:
            update[key.attribute] = value
    return type(section).model_construct(**update)


def unknown_keys(section: Model, path: str) -> Iterator[str]:
    """The paths of unknown keys, including subsections."""
    yield from (joined(path, name) for name in section.model_extra or {})
    for key in keys_of(type(section)).values():
        value = section.__dict__[key.attribute]
        if key.name.startswith("---"):
            continue
        if isinstance(value, Model):
            yield from unknown_keys(value, f"{path}.{key.name}")
        elif key.kind in ("models", "table"):
            for name, each in _numbered(value):
                yield from unknown_keys(each, joined(path, key.name, name))
