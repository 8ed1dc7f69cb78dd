"""All twenty tests exist, each with its number, and the table in the package lists their files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import tests.regressions as package

FOLDER = Path(__file__).parent
NUMBERED = re.compile(r"test_(\d\d)_")


def numbered() -> dict[int, set[str]]:
    """Modules by the numbers of their tests."""
    found: dict[int, set[str]] = {}
    for path in FOLDER.glob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and (match := NUMBERED.match(node.name)):
                found.setdefault(int(match[1]), set()).add(path.name)
    return found


def test_all_twenty_are_there_and_where_the_table_says() -> None:
    table = re.findall(r"^ ?(\d+) .*?(test_\w+\.py)$", package.__doc__ or "", re.MULTILINE)
    assert {int(number): {module} for number, module in table} == numbered()
    assert sorted(numbered()) == list(range(1, 21))
