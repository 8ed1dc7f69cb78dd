"""Walks through documents, sections and plain data, and passes each value with the name that makes it a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from clusters.config.secret import Secret
from clusters.config.secrets.commands import in_words
from clusters.config.secrets.names import is_harmless_key, is_secret_key, is_weak_key
from clusters.config.secrets.patterns import login_in_name

if TYPE_CHECKING:
    from clusters.config.secrets.patterns import Span

Spans = tuple["Span", ...]
Leaf = Callable[[Any, str, Spans], Any]
"""A value, its effective name, and the spans of secrets that its neighbors reveal in it -> the new value."""

LEFT_OUT: Any = object()
"""What a leaf gives back to have its value left out."""
SHELL_KEYS = ("bash", "command", "script")
"""Keys whose text a shell reads, so that a value ends where the shell ends a word."""
_NAMES_OF_SECRETS = ("credential", "agentKey")
"""Keys of a login in the schema, behind which stands what a secret is called that lies elsewhere."""
_KIND_SECRET = "Secret"  # noqa: S105 - the kind of an object


def walked(value: Any, leaf: Leaf, key: str = "") -> Any:
    """The same value with what `leaf` gives for each single value in it; itself when nothing changes.

    `key` is the name of a secret that the value lies below, or the name by which a shell's text is known.
    """
    if isinstance(value, Secret | str):
        return leaf(value, key, ())
    if isinstance(value, BaseModel):
        return _of_model(value, leaf, key)
    if isinstance(value, dict):
        return _of_mapping(value, leaf, key)
    if isinstance(value, list | tuple):
        return _of_list(value, leaf, key)
    if isinstance(value, int | float) and not isinstance(value, bool) and is_secret_key(key):
        return leaf(value, key, ())
    return value


def called(name: str) -> str:
    """The name that counts for a key of the schema: none where only the name of a secret stands behind it."""
    return "" if name in _NAMES_OF_SECRETS else name


def _of_mapping(value: dict[Any, Any], leaf: Leaf, key: str) -> dict[Any, Any]:
    named = value.get("name", value.get("key"))
    # `{name: DB_PASSWORD, value: x}`, as containers are given their variables.
    of_value = str(named) if isinstance(named, str) and is_secret_key(named) else key
    kept = {
        name: walked(inner, leaf, of_value if name == "value" else below(key, str(name)))
        for name, inner in value.items()
    }
    if value.get("kind") == _KIND_SECRET:
        kept |= {name: _all_secret(value[name], leaf) for name in ("data", "stringData") if name in value}
    names = renamed(value, leaf)
    if not names and all(kept[name] is inner for name, inner in value.items()):
        return value
    return {names.get(name, name): inner for name, inner in kept.items() if inner is not LEFT_OUT}


def _all_secret(value: Any, leaf: Leaf) -> Any:
    """What lies in a Secret of Kubernetes, whatever its names are."""
    if not isinstance(value, dict):
        return walked(value, leaf, _KIND_SECRET)
    kept, names = {name: walked(inner, leaf, _KIND_SECRET) for name, inner in value.items()}, renamed(value, leaf)
    return {names.get(name, name): inner for name, inner in kept.items() if inner is not LEFT_OUT}


def renamed(names: Iterable[Any], leaf: Leaf) -> dict[Any, Any]:
    """What `leaf` gives for those names of a mapping that contain a login: `https://me:x@host`.

    Two names that look the same without their secrets stay two.
    """
    found: dict[Any, Any] = {}
    for name in names:
        if isinstance(name, str) and (spans := login_in_name(name)):
            fresh = leaf(name, "", tuple(spans))
            if fresh is not name:
                found[name] = fresh
    if len(found) < 2:
        return found
    apart = distinct([found.get(name, name) for name in names])
    return {name: fresh for name, fresh in zip(names, apart, strict=True) if name in found}


def distinct(names: Iterable[Any]) -> list[Any]:
    """The same names; one that occurred before gets a number."""
    found: dict[Any, Any] = {}
    for name in names:
        other, number = name, 1
        while other in found:
            number += 1
            other = f"{name} ({number})"
        found[other] = other
    return list(found)


def _of_list(value: list[Any] | tuple[Any, ...], leaf: Leaf, key: str) -> Any:
    inside = spans_of_words(value)
    kept, before = [], ""
    for place, inner in enumerate(value):
        # `[--password, x]`, as programs are given their arguments.
        option = before if is_option(before) and isinstance(inner, str) and not inner.startswith("-") else key
        kept.append(leaf(inner, option, inside[place]) if place in inside else walked(inner, leaf, option))
        before = inner if isinstance(inner, str) else ""
    if all(new is old for new, old in zip(kept, value, strict=True)):
        return value
    return type(value)(inner for inner in kept if inner is not LEFT_OUT)


def is_option(word: str) -> bool:
    """Whether a word is an option that a secret follows: `--oidc-client-secret`."""
    return word.startswith("-") and is_secret_key(word)


def spans_of_words(value: list[Any] | tuple[Any, ...]) -> dict[int, Spans]:
    """Places in a list -> where a secret stands in them, when the list is a command like `[sshpass, -p, x]`."""
    if len(value) < 2 or not all(isinstance(each, str) for each in value):
        return {}
    inside: dict[int, Spans] = {}
    for found in in_words(value):
        inside[found.word] = (*inside.get(found.word, ()), (found.start, found.end))
    return inside


def _of_model(value: BaseModel, leaf: Leaf, key: str) -> BaseModel:
    changed: dict[str, Any] = {}
    for name, in_text, default in _keys(type(value)):
        old = value.__dict__[name]
        # A default has no secret, and nearly all values of a thousand machines are defaults.
        if old is default or old is None or old is True or old is False or old in ("", (), {}):
            continue
        fresh = walked(old, leaf, below(key, in_text))
        if fresh is not old:
            changed[name] = fresh
    if extra := value.model_extra:
        fresh = _of_mapping(extra, leaf, key)
        if fresh.keys() != extra.keys():
            return with_others(value.model_copy(update=changed), fresh)
        changed |= {name: inner for name, inner in fresh.items() if inner is not extra[name]}
    return value.model_copy(update=changed) if changed else value


def with_others(value: BaseModel, extra: dict[Any, Any]) -> BaseModel:
    """A copy of a section with these unknown keys instead of those that it has."""
    copy = value.model_copy()
    object.__setattr__(copy, "__pydantic_extra__", extra)
    return copy


@cache
def _keys(model: type[BaseModel]) -> tuple[tuple[str, str, Any], ...]:
    """Name by which a value is set, what counts for it in the text, and its default."""
    return tuple((name, called(field.alias or name), field.default) for name, field in model.model_fields.items())


def below(key: str, name: str) -> str:
    """What counts for a value with this name below that key."""
    if is_secret_key(name) or name in SHELL_KEYS or is_harmless_key(name):
        return name
    return key if is_secret_key(key) and not is_weak_key(key) else name
