"""Exports conform to KubeKey's published types; exceptions are reported, or are keys that only the user knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from clusters.config.dialects.fit import what_does_not_fit
from clusters.config.dialects.lost_keys import unknown_keys
from clusters.config.dialects.render import render
from clusters.config.keys import OWN, Model, keys_of
from clusters.config.load import DIALECTS
from clusters.config.paths import keys_in
from clusters.config.plugins import plugins
from clusters.config.schema import Document
from clusters.config.sections.etcd import MOVED
from tests.config.corpus import NAMES, loaded
from tests.config.corpus import documents as corpus
from tests.config.documents import documents, large_document
from tests.config.published import types, unpublished
from tests.config.test_round_trip import GENTLY

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {"Inventory": "inventory-4", "Config": "config-4"}


OLD = ("cluster-1.0", "cluster-1.1", "cluster-1.2")


def _wrong_in_a_cluster(spec: dict[str, Any], dialect: str) -> set[tuple[str, str]]:
    """What is wrong in a Cluster. One of v1alpha1 is read by three releases of KubeKey, which ignore keys of others."""
    if dialect == "v1alpha2":
        return set(unpublished(spec, types("cluster-3.1")))
    found = [set(unpublished(spec, types(each), gently=True)) for each in OLD]
    return {each for each in set.union(*found) if each[1] != "unknown"} | set.intersection(*found)


def _strangers(document: Document, dialect: str) -> set[str]:
    """Paths that the export names as read by nobody there or only by Slipway, and keys that only the user knows.

    KubeKey has custom groups from 2.0 on; one that is not a list of names is an error before any export.
    """
    named = {
        each.path
        for each in what_does_not_fit(document, dialect)
        if each.id in ("dialect.ignored", "dialect.credential")
    }
    groups = {name for name, items in (document.role_groups.model_extra or {}).items() if not _are_names(items)}
    unknown = {path for path in unknown_keys(document, "spec") if not path.startswith("spec.roleGroups.")}
    if dialect == "v4":
        hosts = {host.name for place, host in enumerate(document.hosts) if f"spec.hosts.{place}.arch" in named}
        return {f"hosts.{name}.arch" for name in hosts} | {f"groups.{name}" for name in groups}
    return {".".join(keys_in(path)[1:]) for path in named | unknown} | {f"roleGroups.{name}" for name in groups}


def _are_names(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(each, str) for each in items)


def _rest(data: Any, before: str = "") -> Iterator[str]:
    """The paths of the parts of KubeKey 4's file that are stored beside the document."""
    for name, inner in data.items() if isinstance(data, dict) else ():
        path = f"{before}.{name}".removeprefix(".")
        yield path
        yield from _rest(inner, path)


def _wrong(document: Document, dialect: str) -> Iterator[tuple[str, str, str]]:
    strangers = _strangers(document, dialect)
    rests = {"Inventory": set(_rest(document.inventory_v4)), "Config": set(_rest(document.config_v4))}
    for part in yaml.safe_load_all(render(document, dialect=dialect, secrets="show")):
        kind = part["kind"]
        if kind == "Cluster":
            wrongs = _wrong_in_a_cluster(part["spec"], dialect)
        elif kind in KINDS:
            wrongs = set(unpublished(part["spec"], types(KINDS[kind])))
        else:  # KubeSphere's own: KubeKey hands it on as it is
            assert isinstance(part["metadata"]["name"], str)
            continue
        for path, wrong in wrongs:
            mine = any(path == each or path.startswith(f"{each}.") for each in strangers)
            if not mine and path not in rests.get(kind, ()):
                yield kind, path, wrong


@pytest.mark.sampled(22)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", NAMES)
def test_a_file_of_the_corpus_is_exported_in_the_published_types(case: str, dialect: str) -> None:
    if case not in corpus():
        assert any(finding.blocking for finding in loaded()[case].findings)
        return
    assert list(_wrong(corpus()[case], dialect)) == []


@pytest.mark.thorough
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_thousand_machines_are_exported_in_the_published_types(dialect: str) -> None:
    assert list(_wrong(large_document(), dialect)) == []


@GENTLY
@given(documents(), st.sampled_from(DIALECTS))
def test_any_document_is_exported_in_the_published_types(document: Document, dialect: str) -> None:
    assert list(_wrong(document, dialect)) == []


@pytest.mark.parametrize("release", OLD)
@pytest.mark.parametrize("case", ["seed", "full_v1alpha2", "calico_of_v1alpha1", "kubeovn_flat"])
def test_each_release_that_reads_the_oldest_dialect_reads_its_numbers(case: str, release: str) -> None:
    spec = next(yaml.safe_load_all(render(corpus()[case], dialect="v1alpha1", secrets="show")))["spec"]
    assert [each for each in unpublished(spec, types(release), gently=True) if each[1] != "unknown"] == []
    assert type(spec["kubernetes"]["maxPods"]) is int


def test_a_quoted_number_is_read_by_the_oldest_release_alone() -> None:
    spec = {"hosts": [{"port": "2201"}]}
    assert [list(unpublished(spec, types(release), gently=True)) for release in OLD] == [
        [],
        [("hosts.0.port", "int")],
        [("hosts.0.port", "int")],
    ]


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ({"hosts": [{"port": "22"}]}, ("hosts.0.port", "int")),
        ({"hosts": [{"prot": 22}]}, ("hosts.0.prot", "unknown")),
        ({"hosts": {"a": {}}}, ("hosts", "list")),
        ({"kubernetes": {"maxPods": True}}, ("kubernetes.maxPods", "int")),
        ({"kubernetes": {"version": 1.2}}, ("kubernetes.version", "text")),
        ({"kubernetes": {"featureGates": {"A": "true"}}}, ("kubernetes.featureGates", "switches")),
        ({"roleGroups": {"odd": "node1"}}, ("roleGroups.odd", "texts")),
        ({"etcd": []}, ("etcd", "mapping")),
    ],
)
def test_the_table_sees_what_kubekey_would_refuse(spec: dict[str, Any], wrong: tuple[str, str]) -> None:
    assert list(unpublished(spec, types("cluster-3.1"))) == [wrong]


def test_every_published_key_exists_and_other_keys_are_marked_as_slipways() -> None:
    tables = [_paths(types(name)) for name in (*OLD, "cluster-3.1")]
    published = set().union(*tables)
    marks = dict(_marks(Document))
    moved = {f"kubernetes.{old}" for old in MOVED}
    moved |= {f"network.{each.name}.{old}" for each in plugins() for old in each.moved}
    assert sorted(published - moved - set(marks)) == []
    assert sorted(path for path, ours in marks.items() if path not in published and not ours) == ["name"]
    assert sorted(path for path, ours in marks.items() if path in published and ours) == []


def _paths(wanted: Any, before: str = "") -> set[str]:
    """Every key of a table; lists and names that the user chooses are left out of the path."""
    if isinstance(wanted, list):
        return _paths(wanted[0], before)
    found = set()
    for name, inner in wanted.items() if isinstance(wanted, dict) else ():
        path = before if name == "*" else f"{before}.{name}".removeprefix(".")
        found |= {path} | _paths(inner, path)
    return found


def _marks(model: type[Model], before: str = "", ours: bool = False) -> Iterator[tuple[str, bool]]:
    """Every key of the document, and whether it or a section around it is Slipway's own."""
    for key in keys_of(model).values():
        if key.name.startswith("---"):
            continue
        path, own = f"{before}.{key.name}".removeprefix("."), ours or key.since >= OWN
        yield path, own
        if key.inner is not None:
            yield from _marks(key.inner, path, own)
