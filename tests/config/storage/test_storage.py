"""The records of storage provisioners: found by walking the package, in order, and consistent with the model."""

from __future__ import annotations

import typing
from pathlib import Path

from clusters.config.keys import keys_of
from clusters.config.load import load
from clusters.config.rules import check
from clusters.config.rules.registry import registered
from clusters.config.schema import Document, Storage
from clusters.config.storage import any_is_built, provisioners
from clusters.config.storage.openebs import OpenEbs
from tests.config.documents import seed_document

FOLDER = Path(__file__).resolve().parents[3] / "clusters" / "config" / "storage"


def test_provisioners_are_found_by_walking_and_stand_in_their_order() -> None:
    places = [each.place for each in provisioners()]
    assert places == sorted(set(places))
    assert {each.attribute for each in provisioners()} == {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}


def test_the_keys_of_the_model_are_those_of_the_records() -> None:
    """The model's fields are written out, since mypy cannot follow fields that are made while it is imported."""
    hints = typing.get_type_hints(Storage)
    sections = {each.attribute: each.section for each in provisioners()}
    assert {name: hints.get(name) for name in Storage.model_fields} == sections
    keys = keys_of(Storage)
    assert list(keys) == [each.name for each in provisioners()]
    assert {name: each.acted for name, each in keys.items()} == {each.name: each.built for each in provisioners()}
    described = {each.name: Storage.model_fields[each.attribute].description for each in provisioners()}
    assert described == {each.name: each.help for each in provisioners()}


def test_storage_has_an_effect_if_one_provisioner_is_built() -> None:
    assert keys_of(Document)["storage"].acted is any_is_built() is any(each.built for each in provisioners())


def test_the_rules_of_all_provisioners_are_registered_once() -> None:
    check(Document())
    rules = [each.function for each in registered()]
    own = [each for provisioner in provisioners() for each in provisioner.rules]
    assert own and {each: rules.count(each) for each in own} == dict.fromkeys(own, 1)


def test_volumes_need_an_absolute_directory() -> None:
    seed = seed_document()
    assert not [each for each in check(seed) if each.id == "storage.path"]
    storage = Storage(openebs=OpenEbs(base_path="volumes"))
    (found,) = [each for each in check(seed.model_copy(update={"storage": storage})) if each.id == "storage.path"]
    assert (found.path, found.blocking) == ("spec.storage.openebs.basePath", True)
    assert (found.found, found.allowed, found.hint) == ("'volumes'", "an absolute path", "/var/openebs/local is usual.")


def test_options_of_a_provisioner_that_is_not_built_are_stored_with_a_warning() -> None:
    text = "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Cluster\nmetadata: {name: a}\n"
    loaded = load(f"{text}spec:\n  storage:\n    openebs: {{basePath: /data}}\n")
    assert loaded.document is not None and loaded.document.storage.openebs.base_path == "/data"
    (found,) = [each for each in loaded.findings if each.id == "key.not_acted_on"]
    assert found.path == ("spec.storage.openebs" if any_is_built() else "spec.storage")
