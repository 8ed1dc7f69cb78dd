"""KubeKey's published types, and the keys of an export that are missing there or have another type."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
_LARGEST = 2**63


@cache
def types(name: str) -> Any:
    """One of the files beside this one."""
    return yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_LARGEST <= value < _LARGEST


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


_OF_LISTS = {"texts": _is_text}
_OF_NAMES = {"words": _is_text, "switches": _is_bool}
_OF_ONE: dict[str, Callable[[Any], bool]] = {"text": _is_text, "int": _is_int, "bool": _is_bool, "any": lambda _: True}


def unpublished(value: Any, wanted: Any, path: str = "", *, gently: bool = False) -> Iterator[tuple[str, str]]:
    """Path -> what is wrong: `unknown`, or the type that KubeKey wants there.

    `gently`: a number or a truth value is read as text where KubeKey wants one, as KubeKey 1 does (yaml.v2).
    """
    if isinstance(wanted, dict):
        if not isinstance(value, dict):
            yield path, "mapping"
            return
        for name, inner in value.items():
            below = f"{path}.{name}" if path else str(name)
            known = wanted.get(name, wanted.get("*"))
            if known is None:
                yield below, "unknown"
            else:
                yield from unpublished(inner, known, below, gently=gently)
    elif isinstance(wanted, list):
        if not isinstance(value, list):
            yield path, "list"
            return
        for place, inner in enumerate(value):
            yield from unpublished(inner, wanted[0], f"{path}.{place}", gently=gently)
    elif not _fits(value, wanted) and not (gently and wanted == "text" and isinstance(value, int | float)):
        yield path, wanted


def _fits(value: Any, wanted: str) -> bool:
    if wanted in _OF_LISTS:
        return isinstance(value, list) and all(_OF_LISTS[wanted](each) for each in value)
    if wanted in _OF_NAMES:
        fits = _OF_NAMES[wanted]
        return isinstance(value, dict) and all(_is_text(name) and fits(each) for name, each in value.items())
    return bool(_OF_ONE[wanted](value))
