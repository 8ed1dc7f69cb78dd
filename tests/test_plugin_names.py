"""The name of a network plugin occurs only in its own files."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from clusters.config.plugins import plugins
from tests.test_house_rules import ROOT, SHIPPED, name, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

HOMES = ("clusters/config/plugins/", "clusters/catalog/networks/")
WORDS = {word.lower() for each in plugins() if each.section is not None for word in (each.name, each.title)}
"""`bridge` and `none` are words of others, too: these are only looked for beside the document's plugin."""

EXCEPTIONS = {
    "clusters/config/sections/network.py": "the fields of the model are written out, so that mypy knows them",
    "clusters/config/sections/kubernetes.py": "the published meaning of disableKubeProxy",
    "clusters/config/dialects/v4/known_keys.py": "the keys of KubeKey 4's Config, as it publishes them",
    "clusters/config/secrets/ordinary_words.py": "words that stand in every log",
}


def docstrings(module: ast.Module) -> set[int]:
    """The texts that are statements: docstrings, and the texts below constants."""
    return {id(each.value) for each in ast.walk(module) if isinstance(each, ast.Expr)}


def named(module: ast.Module) -> Iterator[int]:
    """The lines on which a plugin is named in a text, or the document's plugin is compared with one."""
    passed = docstrings(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            text = node.value.lower()
            if any(word in text for word in WORDS):
                yield node.lineno
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            plugin = any(isinstance(side, ast.Attribute) and side.attr == "plugin" for side in sides)
            if plugin and any(isinstance(each, ast.Constant) for side in sides for each in ast.walk(side)):
                yield node.lineno


@pytest.mark.parametrize(
    "text",
    [
        'if document.network.plugin == "none": pass',
        'if network.plugin in ("bridge", "none"): pass',
        'KINDS = {"hybridnet": "chart"}',
        'message = f"{host} lacks what Kube-OVN needs"',
        'precheck("net.cilium_kernel")',
    ],
)
def test_a_name_is_found(text: str) -> None:
    assert list(named(ast.parse(text))) == [1]


def test_an_explained_word_is_not_a_plugin_name() -> None:
    text = '"""As Calico does it."""\nDRIVER = "bridge"\n"""Docker\'s; not Flannel\'s."""\nplugin_of(network.plugin)'
    assert list(named(ast.parse(text))) == []


def test_no_other_file_names_a_plugin() -> None:
    others = [path for path in SHIPPED if not name(path).startswith(HOMES)]
    found = {name(path): sorted(set(named(tree(path)))) for path in others}
    assert {path: lines for path, lines in found.items() if lines and path not in EXCEPTIONS} == {}
    assert [path for path in EXCEPTIONS if not found[path]] == [], "these name none by now"


def test_pages_name_no_plugin() -> None:
    pages = [path for folder in ("templates", "static") for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = {name(path): path.read_text(errors="replace").lower() for path in pages if path.suffix in (".html", ".js")}
    assert texts
    assert {path: word for path, text in texts.items() for word in WORDS if word in text} == {}
