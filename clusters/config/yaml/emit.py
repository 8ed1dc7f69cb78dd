"""Writes values as YAML text that YAML 1.1, YAML 1.2 and Go's parsers read in the same way."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from clusters.config.yaml.tree import tag_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Quoted(str):
    """A text, or a number to be read as text, that is always written in quotes."""

    __slots__ = ()


class Row(dict[str, Any]):
    """A mapping that is written on one line."""

    __slots__ = ()


_PLAIN = re.compile(r"(~/)?\.{0,2}[A-Za-z_/][A-Za-z0-9_./-]*")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}(/\d{1,2})?")
_WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
_CALM = re.compile(r"[A-Za-z0-9 @._/:+=,;!#%^&*()<>?|~-]*")
_ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def text(value: str) -> str:
    """A string, without quotes only if no parser can read it as another type."""
    if _ADDRESS.fullmatch(value):
        return value
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS and tag_of(value) == "str":
        return value
    return quoted(value)


def quoted(value: str) -> str:
    """A string in double quotes, on one line, whatever it contains."""
    if _CALM.fullmatch(value):
        return f'"{value}"'
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))


def scalar(value: Any) -> str:
    """A single value."""
    if isinstance(value, Quoted):
        return quoted(str(value))
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    return text(str(value))


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    written = repr(value)
    return written.replace("e", ".0e") if "e" in written and "." not in written else written


def flow(value: Any) -> str:
    """Any value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(str(key))}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def block(value: Mapping[str, Any], indent: int = 0) -> Iterator[str]:
    """Lines of a mapping, each key on its own line."""
    for key, inner in value.items():
        yield from entry(key, inner, indent)


def entry(key: str, value: Any, indent: int) -> Iterator[str]:
    """Lines of one key with its value."""
    start = f"{' ' * indent}{text(str(key))}:"
    if isinstance(value, dict) and value:
        yield start
        yield from block(value, indent + 2)
    elif isinstance(value, list | tuple) and value:
        yield start
        yield from items(value, indent)
    elif isinstance(value, str) and _fits_literal(value):
        yield f"{start} |{'' if value.endswith(chr(10)) else '-'}"
        yield from (f"{' ' * (indent + 2)}{line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        yield f"{start} {flow(value)}"


def items(value: Sequence[Any], indent: int) -> Iterator[str]:
    """Lines of a list, each item on a new line."""
    for item in value:
        if isinstance(item, dict) and item and not isinstance(item, Row):
            lines = list(block(item, indent + 2))
            yield f"{' ' * indent}- {lines[0].lstrip()}"
            yield from lines[1:]
        else:
            yield f"{' ' * indent}- {flow(item)}"


def _fits_literal(value: str) -> bool:
    """Whether a literal block preserves the text, so that scripts and certificates stay readable; else quote it.

    Keys for one line ignore the line break behind a block of one line, so that one which belongs to a value is quoted.
    """
    if (
        "\n" not in value.removesuffix("\n")
        or re.search(r"^\s|[ \t]$|\n\n$|[\x00-\x09\x0b-\x1f]", value)
        or re.search(r"[ \t]\n", value)
    ):
        return False
    return bool(value.strip()) and _ESCAPED.search(value) is None
