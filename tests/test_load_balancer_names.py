"""A load balancer is known by name in its own files, and in no others."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from clusters.catalog import load_balancers as on_machines
from clusters.config.load_balancers import load_balancers, names
from tests.test_house_rules import ROOT, SHIPPED, name, tree
from tests.test_plugin_names import docstrings

if TYPE_CHECKING:
    from collections.abc import Iterator

HOMES = ("clusters/config/load_balancers/", "clusters/catalog/load_balancers/")


def spellings(balancer: str) -> str:
    """An expression for the name, also without its hyphen and with an underscore."""
    return balancer.replace("-", "[-_]?")


WORD = re.compile("|".join(map(spellings, names())), re.IGNORECASE)

EXCEPTIONS = {
    "clusters/config/load_balancers/__init__.py": "which load balancer layouts with several control planes have",
    "clusters/config/sections/endpoint.py": "the fields of the model are written out, so that mypy knows them",
    "clusters/config/dialects/v4/known_keys.py": "the keys of KubeKey 4's Config, as it publishes them",
    "clusters/config/dialects/v4/words.py": "which of these keys the document's keys are",
    "clusters/config/secrets/ordinary_words.py": "words that stand in every log",
}


def named(module: ast.Module) -> Iterator[int]:
    """The lines on which a load balancer is named: in a text, an import or a name of Python."""
    passed = docstrings(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Constant):
            found = node.value if id(node) not in passed and isinstance(node.value, str) else ""
        elif isinstance(node, ast.ImportFrom):
            found = " ".join([node.module or "", *(each.name for each in node.names)])
        else:
            found = {ast.Attribute: "attr", ast.Name: "id", ast.FunctionDef: "name"}.get(type(node), "")
            found = getattr(node, found) if found else ""
        if WORD.search(found):
            yield node.lineno  # type: ignore[attr-defined] # each of these kinds has one


@pytest.mark.parametrize(
    "text",
    [
        'if load_balancer(document) in ("haproxy", "none"): pass',
        'step("kubernetes/init", needs=("endpoint/keepalived",))',
        'place = (*ENDPOINT, "kube_vip", "mode")',
        "mode = endpoint.kubevip.mode",
        "from clusters.catalog.load_balancers import kube_vip",
        'message = f"{host} lacks what Keepalived needs"',
    ],
)
def test_a_name_is_found(text: str) -> None:
    assert list(named(ast.parse(text))) != []


def test_an_explained_word_is_not_a_name() -> None:
    text = '"""As haproxy does it."""\nport = 6443\n"""kube-vip\'s own."""\nload_balancers.record_of(document)'
    assert list(named(ast.parse(text))) == []


def home_of(path: str) -> str:
    """The load balancer whose file or folder this is, as Python writes its name; empty for other files."""
    home = next((home for home in HOMES if path.startswith(home)), "")
    return path.removeprefix(home).partition("/")[0].removesuffix(".py") if home else ""


def test_no_other_file_names_a_load_balancer() -> None:
    own = {each.replace("-", "_") for each in names()}
    others = [path for path in SHIPPED if home_of(name(path)) not in own]
    found = {name(path): sorted(set(named(tree(path)))) for path in others}
    assert {path: lines for path, lines in found.items() if lines and path not in EXCEPTIONS} == {}
    assert [path for path in EXCEPTIONS if not found[path]] == [], "these name none by now"


def test_no_load_balancer_names_another() -> None:
    for each in load_balancers():
        own = re.compile(spellings(each.name), re.IGNORECASE)
        other = re.compile("|".join(spellings(name) for name in names() if name != each.name), re.IGNORECASE)
        files = [path for path in SHIPPED if own.fullmatch(home_of(name(path)))]
        assert len(files) >= 2, each.name
        assert [name(path) for path in files if other.search(path.read_text())] == []


def test_pages_name_no_load_balancer() -> None:
    pages = [path for folder in ("templates", "static") for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = {name(path): path.read_text(errors="replace") for path in pages if path.suffix in (".html", ".js")}
    assert texts
    assert [path for path, text in texts.items() if WORD.search(text)] == []


def test_each_load_balancer_has_both_records() -> None:
    assert tuple(on_machines.RECORDS) == names()
    assert len({each.place for each in load_balancers()}) == len(names())


def test_options_are_a_field_of_the_endpoint() -> None:
    from clusters.config.sections.endpoint import ControlPlaneEndpoint

    for each in load_balancers():
        if each.section is not None:
            assert ControlPlaneEndpoint.model_fields[each.key].annotation is each.section
