"""Each precheck has a test that names it, in the test file of its subject."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters import catalog
from clusters.engine.check import CHECKS, PRECHECK, Checks, precheck
from clusters.engine.step import discover
from tests.test_house_rules import ROOT, name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.check import Precheck
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

PRECHECKS = ROOT / "clusters" / "catalog" / "prechecks"
TESTS = ROOT / "tests" / "catalog"


def texts(module: ast.Module) -> set[str]:
    """The texts in the tests of a module and in their tables: no docstring, and nothing that only helpers have."""
    docstrings = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    tests = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    used = {node.id for test in tests for node in ast.walk(test) if isinstance(node, ast.Name)}
    # A table that stands outside, and a helper that a test calls.
    outside = [node for node in module.body if declared(node) & used]
    return {
        node.value
        for part in [*tests, *outside]
        for node in ast.walk(part)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    }


def declared(node: ast.stmt) -> set[str]:
    """The names that a statement of a module gives values to."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}


def files_of(check: Precheck) -> list[Path]:
    """The test files of a precheck's subject: `network/ports.py` has `network/test_ports.py`, and `test_ports_*.py`.

    A precheck of a plugin or runtime stands in its folder, and its test anywhere among those of the catalog.
    """
    module = Path(sys.modules[check.body.__module__].__file__ or "")
    if PRECHECKS not in module.parents:
        return sorted(TESTS.rglob("test_*.py"))
    folder = TESTS / "prechecks" / module.parent.relative_to(PRECHECKS)
    return sorted([*folder.glob(f"test_{module.stem}.py"), *folder.glob(f"test_{module.stem}_*.py")])


def untested(checks: Checks) -> list[str]:
    """The prechecks that no test names."""
    found = []
    for check in checks.checks.values():
        named = {text for path in files_of(check) for text in texts(ast.parse(path.read_text()))}
        if named.isdisjoint({check.id, f"{PRECHECK}/{check.id}"}):
            found.append(f"{check.id} in {check.body.__module__}")
    return found


def test_every_precheck_has_a_test() -> None:
    discover(catalog)
    assert len(CHECKS.checks) > 50
    assert untested(CHECKS) == [], "name it in a test of the file that has its module's name"


def test_a_precheck_without_a_test_is_found() -> None:
    mine = Checks()

    @precheck("os.never_named", register=mine)
    def never(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
        """Nobody has a test for this"""
        return iter(())

    never.__module__ = "clusters.catalog.prechecks.os"
    assert untested(mine) == ["os.never_named in clusters.catalog.prechecks.os"]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ('def test_it():\n    found("os.x")', True),
        ('TABLE = [("os.x", 1)]\ndef test_it():\n    print(TABLE)', True),
        ('CHECK = "os.x"\ndef found():\n    return CHECK\ndef test_it():\n    found(CHECK)', True),
        ('TABLE = [("os.x", 1)]', False),
        ('def test_it():\n    """os.x"""', False),
        ('def other():\n    found("os.x")', False),
    ],
)
def test_a_name_counts_where_a_test_uses_it(text: str, counts: bool) -> None:
    assert ("os.x" in texts(ast.parse(text))) is counts


def test_every_module_of_prechecks_declares_one() -> None:
    discover(catalog)
    modules = {path for path in PRECHECKS.rglob("*.py") if path.stem != "__init__"}
    declaring = {Path(sys.modules[check.body.__module__].__file__ or "") for check in CHECKS.checks.values()}
    assert sorted(name(path) for path in modules - declaring) == []
