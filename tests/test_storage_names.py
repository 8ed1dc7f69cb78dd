"""The name of a storage provisioner occurs only in its own files."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from clusters.config.storage import provisioners
from tests.test_house_rules import ROOT, SHIPPED, name, tree
from tests.test_plugin_names import docstrings

if TYPE_CHECKING:
    from collections.abc import Iterator

HOMES = ("clusters/config/storage/", "clusters/catalog/storage/")
"""The second is for those that Slipway installs on machines; none is built yet."""
NAMES = {word for each in provisioners() for word in (each.name, each.attribute)}
WORD = re.compile(rf"(?<![a-z])(?:{'|'.join(map(re.escape, sorted(NAMES)))})(?![a-z])", re.IGNORECASE)

EXCEPTIONS = {
    "clusters/config/sections/storage.py": "the fields of the model are written out, so that mypy knows them",
}


def named(module: ast.Module) -> Iterator[int]:
    """The lines on which a provisioner is named in a text, imported, or read from the document."""
    passed = docstrings(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and id(node) not in passed:
            found = isinstance(node.value, str) and WORD.search(node.value) is not None
        elif isinstance(node, ast.Attribute):
            found = node.attr in NAMES and last_of(node.value) == "storage"
        elif isinstance(node, ast.AnnAssign):
            found = last_of(node.target) in NAMES
        elif isinstance(node, ast.ImportFrom):
            paths = [f"{node.module}.{each.name}/".replace(".", "/") for each in node.names]
            found = any(path.startswith(f"{home}{word}/") for path in paths for home in HOMES for word in NAMES)
        else:
            continue
        if found:
            yield node.lineno


def last_of(node: ast.expr) -> str:
    """`storage` of `document.storage`, and of `storage`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize(
    "text",
    [
        "path = document.storage.openebs.base_path",
        "storage.openebs",
        'PATH = "spec.storage.openebs.basePath"',
        'message = f"{host} has no OpenEBS"',
        'CLASS = "openebs-hostpath"',
        'FOLDER = "/var/openebs/local"',
        "class Storage(Model):\n    openebs: OpenEbs = key(OpenEbs())",
        "from clusters.config.storage.openebs import OpenEbs",
        "from clusters.config.storage import openebs, provisioners",
        "from clusters.catalog.storage import openebs",
    ],
)
def test_a_name_is_found(text: str) -> None:
    assert list(named(ast.parse(text))) == [len(text.splitlines())]


def test_an_explained_word_is_not_a_name() -> None:
    text = '"""As OpenEBS does it."""\nprovisioners()\nfrom clusters.config.storage import provisioners\nother.openebs'
    assert list(named(ast.parse(text))) == []


def test_no_other_file_names_a_provisioner() -> None:
    others = [path for path in SHIPPED if not name(path).startswith(HOMES)]
    found = {name(path): sorted(set(named(tree(path)))) for path in others}
    assert {path: lines for path, lines in found.items() if lines and path not in EXCEPTIONS} == {}
    assert [path for path in EXCEPTIONS if not found[path]] == [], "these name none by now"


def test_pages_name_no_provisioner() -> None:
    pages = [path for folder in ("templates", "static") for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = {name(path): path.read_text(errors="replace") for path in pages if path.suffix in (".html", ".js")}
    assert texts
    assert [path for path, text in texts.items() if WORD.search(text)] == []
