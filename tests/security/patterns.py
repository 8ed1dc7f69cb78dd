"""Finds every regular expression in the product's source, with its place and use."""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.test_house_rules import ROOT, generated, mentioning, name, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENGINES = ("re", "regex")
COMPILERS = ("compile",)
OF_AN_ENGINE = re.compile(rf"\b({'|'.join(ENGINES)})\.")
USES = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
WHOLE = ("match", "fullmatch")
"""Uses that begin at one place. All others try every place of the text, one after the other."""

TEXT_OF_PEOPLE = {("clusters/selectors/log_search.py", "text"), ("clusters/selectors/log_search.py", "several")}
"""Expressions that people type to search a log: each search of them has a time limit."""


@dataclass(frozen=True)
class Found:
    """One regular expression; `use` is `fullmatch`, `match`, or `finditer` for whatever tries every place."""

    where: str
    pattern: re.Pattern[Any]
    use: str


@dataclass(frozen=True)
class Unknown:
    """A call whose expression is not known before it runs; `argument` is how the source writes it."""

    where: str
    file: str
    argument: str


@cache
def every_pattern() -> tuple[list[Found], list[Unknown]]:
    """The expressions of all shipped modules, and the calls whose expression cannot be read from the source."""
    sources = {path: tree(path) for path in mentioning(*(f".{use}" for use in USES)) if not generated(path)}
    uses = _uses_by_name(sources)
    found: list[Found] = []
    unknown: list[Unknown] = []
    for path in mentioning(*ENGINES):
        if generated(path) or not OF_AN_ENGINE.search(path.read_text()):
            continue
        for call, target in _calls(tree(path)):
            for each in _read(path, call, _use_of(call, target, path, uses)):
                if isinstance(each, Found):
                    found.append(each)
                else:
                    unknown.append(each)
    return found, unknown


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Calls of `re.something(...)`, each with the name that its value gets, if it gets one."""
    targets: dict[int, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            targets |= {id(inner): node.targets[0].id for inner in ast.walk(node.value)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in ENGINES
            and node.func.attr in (*COMPILERS, *USES)
        ):
            yield node, targets.get(id(node), "")


def _uses_by_name(sources: dict[Path, ast.Module]) -> dict[tuple[str, str], set[str]]:
    """(file, name) -> methods that are called on that name there; names without an underscore count in every file."""
    found: dict[tuple[str, str], set[str]] = {}
    for path, module in sources.items():
        for node in ast.walk(module):
            if isinstance(node, ast.Attribute) and node.attr in USES and isinstance(node.value, ast.Name):
                for place in (name(path), "" if not node.value.id.startswith("_") else name(path)):
                    found.setdefault((place, node.value.id), set()).add(node.attr)
    return found


def _use_of(call: ast.Call, target: str, path: Path, uses: dict[tuple[str, str], set[str]]) -> str:
    assert isinstance(call.func, ast.Attribute)
    methods = {call.func.attr}
    if call.func.attr in COMPILERS:
        methods = uses.get((name(path), target), set()) | uses.get(("", target), set())
    if methods and methods <= set(WHOLE):
        return "fullmatch" if methods == {"fullmatch"} else "match"
    return "finditer"


def _read(path: Path, call: ast.Call, use: str) -> Iterator[Found | Unknown]:
    """The expressions that a call stands for: one, or with a name of a loop at module level all that it runs over."""
    where = f"{name(path)}:{call.lineno}"
    written = ast.unparse(call.args[0])
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    flags = next((word.value for word in call.keywords if word.arg == "flags"), None)
    if flags is None and isinstance(call.func, ast.Attribute):
        at = {"compile": 1, "match": 2, "fullmatch": 2, "search": 2, "findall": 2, "finditer": 2, "sub": 4, "split": 3}
        place = at.get(call.func.attr, 9)
        flags = call.args[place] if len(call.args) > place else None
    space = {**vars(module), **STAND_INS.get((name(path), written), {})}
    try:
        text = _value(call.args[0], space)
        options = _value(flags, space) if flags is not None else 0
    except NameError:
        several = LOOPS.get((name(path), written))
        if several is None:
            yield Unknown(where, name(path), written)
        for each in several(module) if several else ():
            yield Found(where, each, use)
        return
    yield Found(where, re.compile(text, int(options)), use)


def _value(node: ast.expr, space: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "<pattern>", "eval"), space)


STAND_INS: dict[tuple[str, str], dict[str, Any]] = {
    ("clusters/runs/events/log_masks.py", "f'{before}{re.escape(text)}{after}'"): {
        "before": r"(?<!\w)",
        "text": "abc",
        "after": r"(?!\w)",
    },
}
"""Expressions that are put together when they run: a value that stands for what is put in."""

LOOPS: dict[tuple[str, str], Any] = {
    ("clusters/selectors/causes.py", "pattern"): lambda module: [pattern for pattern, _ in module.KNOWN],
    ("clusters/config/yaml/tree.py", "part"): lambda module: [re.compile(part) for part, _, _ in module.SYNTAX],
}
"""Expressions that are taken from a table of their module."""
