"""YAML from outside (machines, charts, bundles, lists) is read within limits; errors have readable messages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog.manifests import read_objects
from clusters.catalog.sources.index import index_in
from clusters.catalog.staticpod import command_of, probe_of
from clusters.catalog.steps.kubernetes.kubelet_config import _parsed
from clusters.config.load import load
from clusters.config.yaml.values import FOREIGN, read_value, read_values
from clusters.errors import InstallerError, SourceError
from clusters.services import practice_machines
from clusters.wizard.machines.list_parser import read_list
from tests.conftest import SEED
from tests.security.pumps import MOST_GROWTH, growth_of, seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_django import Settings

MOST_SECONDS = 2.0
"""Of the processor; the texts below took up to half a minute, or ended the process."""

MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}]}}\n" for level in range(1, 10)
)
LAUGHS = "a0: &a0 [x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 10)
)
CHAIN = "".join(f"a{level}: &a{level} {'[' * 15}{f'*a{level - 1}' if level else 1}{']' * 15}\n" for level in range(500))
POISON = {
    "merge keys upon merge keys": MERGED,
    "aliases upon aliases": LAUGHS,
    "a chain of aliases that is thousands of levels deep": CHAIN,
    "brackets that nobody closes": "a: " + "[" * 5000,
    "many brackets": "[" * 200_000,
    "braces": "a: " + "{a: " * 5000,
    "a date that does not exist": "a: 2001-13-45",
    "a number of 5,000 digits": "a: " + "1" * 5000,
    "a hexadecimal number of 6,000 digits": "a: 0x" + "f" * 6000,
    "a number of base 60": "a: 1" + ":1" * 300_000,
    "an unknown tag": "a: !!python/object/apply:os.system [id]",
    "a tag of a set": "a: !!set {b, c}",
    "a key that is a list": "[a, b]: c",
    "a key that is a mapping": "{a: b}: c",
    "an alias to itself": "a: &a [*a]",
    "control characters": "a: \x00\x01",
    "a lone surrogate": "a: \ud800",
    "nothing": "",
    "a number": "7",
    "a list": "[1, 2]",
    "several documents": "a: 1\n---\nb: 2\n",
}
READERS: dict[str, Callable[[str], Any]] = {
    "a manifest or a rendered chart": lambda text: read_objects(text, "chart.yaml"),
    "the index of a bundle": lambda text: index_in(text.encode("utf-8", "surrogatepass"), "bundle.yaml"),
    "a static pod's command": lambda text: command_of(text.encode("utf-8", "surrogatepass")),
    "a static pod's probe": lambda text: probe_of(text.encode("utf-8", "surrogatepass")),
    "kubelet's configuration": lambda text: _parsed(text, "the file on node1"),
    "any one document": lambda text: read_value(text, "the file"),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_poison_in_what_others_send_is_an_error_in_words_or_a_plain_value(read: Any, poison: str) -> None:
    def tried() -> None:
        try:
            read(poison)
        except InstallerError as error:
            assert error.message.endswith(".")
            assert error.hint or "line" in error.message

    assert seconds(tried, MOST_SECONDS) < MOST_SECONDS


@pytest.mark.sampled(4)
@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
@pytest.mark.parametrize("head", ["hosts:\n- {name: n1, address: 10.99.0.1}\n", "- name: n1\n", SEED, "name: n1\n"])
def test_poison_in_a_list_of_machines_is_a_problem_and_nothing_breaks(head: str, poison: str) -> None:
    assert seconds(lambda: read_list(head + poison), MOST_SECONDS) < MOST_SECONDS
    assert seconds(lambda: read_list(poison + "\n" + head), MOST_SECONDS) < MOST_SECONDS


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_poison_in_a_document_is_a_finding(poison: str) -> None:
    indented = "".join(f"    {line}\n" for line in poison.splitlines())
    named = SEED.replace("node1, address", f"{poison[:9000]}, address")
    for text in (poison, SEED + "  anything:\n" + indented, named):
        assert seconds(partial(load, text), MOST_SECONDS) < MOST_SECONDS


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_poison_in_the_file_of_practice_machines_is_an_error_in_words(
    settings: Settings, tmp_path: Path, poison: str
) -> None:
    path = tmp_path / "practice.yaml"
    path.write_bytes(poison.encode("utf-8", "surrogatepass"))
    settings.SLIPWAY_PRACTICE_FILE = str(path)

    def tried() -> None:
        try:
            practice_machines()
        except InstallerError as error:
            assert str(path) in error.message

    assert seconds(tried, MOST_SECONDS) < MOST_SECONDS


def test_a_static_pod_without_a_container_is_an_error_in_words() -> None:
    for text in (b"", b"spec: {}", b"spec: {containers: [7]}", b"- 1"):
        with pytest.raises(InstallerError, match="container"):
            command_of(text)


def crd(number: int) -> dict[str, Any]:
    """A definition as those of network plugins are: deep, and full of descriptions."""

    def schema(depth: int) -> dict[str, Any]:
        said = {
            "type": "object",
            "description": "What this field means: see the docs.\nIt's several lines, e.g. 'x'.\n",
        }
        return said | ({"properties": {f"field{n}": schema(depth - 1) for n in range(6)}} if depth else {})

    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things{number}.example.com", "annotations": {"a/b": "1"}},
        "spec": {"versions": [{"name": "v1", "served": True, "storage": True, "schema": schema(3)}]},
    }


@pytest.mark.thorough
def test_a_manifest_of_a_megabyte_is_read_about_as_fast_as_without_limits() -> None:
    one = yaml.dump(crd(1), Dumper=yaml.CSafeDumper, sort_keys=False)
    text = "---\n".join([one] * (1_000_000 // len(one) + 1))
    found: dict[str, Any] = {}
    before = min(
        seconds(lambda: found.update(theirs=list(yaml.load_all(text, Loader=yaml.CSafeLoader))), 60) for _ in range(3)
    )
    now = min(seconds(lambda: found.update(ours=read_values(text, "x")), 60) for _ in range(3))
    assert found["ours"] == found["theirs"]
    assert now < 2 * before, f"{now:.2f} s, {before:.2f} s without limits"


def test_what_is_too_large_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(SourceError, match="longer than"):
        read_objects("a" * (FOREIGN.characters + 1), "x")


@pytest.mark.thorough
@pytest.mark.parametrize("unit", [" ", "\n", "\t", "- ", "a,", "ansible_ssh_common_args='x ", "|", "a@b:1 "])
def test_a_list_twice_as_long_takes_about_twice_as_long(unit: str) -> None:
    assert growth_of(lambda length: lambda: read_list((unit * length)[:length])) < MOST_GROWTH


@pytest.mark.thorough
@pytest.mark.parametrize("text", [" " * 500_000, "\n" * 500_000, "a" * 500_000, "a\n" * 400_000, '"' * 300_000])
def test_a_list_of_half_a_megabyte_is_answered_at_once(text: str) -> None:
    assert seconds(lambda: read_list(text), MOST_SECONDS) < MOST_SECONDS
