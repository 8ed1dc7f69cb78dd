"""A container runtime is known by name in its own files, and in no others."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from clusters.config.runtimes import names
from tests.test_house_rules import ROOT, SHIPPED, name, tree
from tests.test_plugin_names import docstrings

if TYPE_CHECKING:
    from collections.abc import Iterator

HOMES = ("clusters/config/runtimes/", "clusters/catalog/runtimes/")
WORD = re.compile(rf"(?<![\w./])(?:{'|'.join(names())}|cri-o|cri-dockerd)(?![\w/]|\.io|\.com)", re.IGNORECASE)
"""`docker.io` and `download.docker.com` are addresses, and no runtimes."""

EXCEPTIONS = {
    "clusters/config/load.py": "which runtime old KubeKeys install where a document names none",
    "clusters/config/sections/kubernetes.py": "the published default of containerManager, and the key nvidiaRuntime",
    "clusters/config/sections/registry.py": "the published keys of two runtimes' directories",
    "clusters/config/rules/compatibility.py": "docker without dockershim; containerd's version in KubeKey 4",
    "clusters/config/rules/kubeletvalues.py": "the kubelet leaves log files to docker",
    "clusters/config/rules/network.py": "docker has its own bridge",
    "clusters/config/rules/registries.py": "docker knows mirrors of Docker Hub alone",
    "clusters/config/component_settings/kubelet_flags.py": "flags of the kubelet",
    "clusters/config/kubernetes_versions.py": "the table of releases by version of Kubernetes",
    "clusters/config/secrets/programs.py": "programs whose arguments hold passwords",
    "clusters/remote/facts.py": "what a machine is a container of, and which programs it has",
    "clusters/config/dialects/v4/known_keys.py": "the keys of KubeKey 4's Config, as it publishes them",
    "clusters/config/secrets/ordinary_words.py": "words that stand in every log",
}


def named(module: ast.Module) -> Iterator[int]:
    """The lines on which a runtime is named in a text."""
    passed = docstrings(module)
    for node in ast.walk(module):
        if not isinstance(node, ast.Constant) or id(node) in passed:
            continue
        if isinstance(node.value, str) and WORD.search(node.value):
            yield node.lineno


@pytest.mark.parametrize(
    "text",
    [
        'if document.kubernetes.container_manager == "docker": pass',
        'UNITS = {"containerd": ("x",)}',
        'message = f"{host} has no CRI-O"',
        'file("After=containerd.service crio.service")',
    ],
)
def test_a_name_is_found(text: str) -> None:
    assert list(named(ast.parse(text))) == [1]


def test_an_address_is_no_name() -> None:
    text = '"""As docker does it."""\nHUB = "docker.io/library/x"\nURL = "https://download.docker.com"'
    assert list(named(ast.parse(text))) == []


def test_no_other_file_names_a_runtime() -> None:
    others = [path for path in SHIPPED if not name(path).startswith(HOMES)]
    found = {name(path): sorted(set(named(tree(path)))) for path in others}
    assert {path: lines for path, lines in found.items() if lines and path not in EXCEPTIONS} == {}
    assert [path for path in EXCEPTIONS if not found[path]] == [], "these name none by now"


def test_pages_name_no_runtime() -> None:
    pages = [path for folder in ("templates", "static") for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = {name(path): path.read_text(errors="replace") for path in pages if path.suffix in (".html", ".js")}
    assert texts
    assert [path for path, text in texts.items() if WORD.search(text)] == []
