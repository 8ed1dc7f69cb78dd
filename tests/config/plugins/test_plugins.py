"""The records of network plugins: found by walking the package, in order, and consistent with the document's model."""

from __future__ import annotations

import itertools
import typing
from pathlib import Path
from typing import Any

import pytest

from clusters.config.keys import Model
from clusters.config.kubernetes_versions import known_versions, parse_version
from clusters.config.plugin_options import options_of
from clusters.config.plugins import NetworkPlugin, names, plugin_version, plugins
from clusters.config.schema import Document, Network
from clusters.errors import ConfigError

FOLDER = Path(__file__).resolve().parents[3] / "clusters" / "config" / "plugins"


def test_plugins_are_found_by_walking_and_stand_in_their_order() -> None:
    places = [each.place for each in plugins()]
    assert places == sorted(set(places))
    assert (names()[0], names()[-1]) == ("calico", "none"), "KubeKey's first, and `none` last"
    assert {each.attribute for each in plugins()} == {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}


def test_a_name_with_a_hyphen_is_written_with_an_underscore_in_python() -> None:
    assert NetworkPlugin("a-plugin", "A plugin", 99).attribute == "a_plugin"


def test_the_sections_of_the_model_are_those_of_the_records() -> None:
    """The model's fields are written out, since mypy cannot follow fields that are made while it is imported."""
    hints = typing.get_type_hints(Network)
    of_plugins = {each.attribute: each.section for each in plugins() if each.section is not None}
    assert {name: hints.get(name) for name in of_plugins} == of_plugins
    keys = {name: Network.model_fields[name].alias or name for name in of_plugins}
    assert keys == {each.attribute: each.name for each in plugins() if each.section is not None}
    models = {name for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Model)}
    assert models - set(of_plugins) == {"multus_cni"}


def test_every_plugin_has_a_release_for_each_known_version_or_none_at_all() -> None:
    assert {each.name for each in plugins() if not each.releases} == {"bridge", "none"}
    for releases in (each.releases for each in plugins() if each.releases):
        for before, after in itertools.pairwise(releases):
            assert after.oldest == before.newest + 1, releases
        assert releases[-1].newest == max(parse_version(each).minor for each in known_versions())
    with pytest.raises(ConfigError, match=r"kubeovn has no release for Kubernetes v1.20.2") as caught:
        plugin_version("kubeovn", "v1.20.2")
    assert caught.value.hint == "It is for v1.23 to v1.37."


def test_options_are_data_for_other_programs() -> None:
    options = {each.path: each for each in options_of("calico")}
    ipip = options["spec.network.calico.ipipMode"]
    assert (ipip.kind, ipip.choices, ipip.default) == ("choice", ("Always", "CrossSubnet", "Never"), "Always")
    assert options["spec.network.calico.typha.enabled"].kind == "switch"
    assert options["spec.network.calico.vethMTU"].kind == "number"
    assert not any(".dpdk." in each.path for each in options_of("kubeovn"))
    assert options_of("bridge") == options_of("none") == options_of("weave") == ()
    for plugin in (each.name for each in plugins() if each.section is not None):
        for each in options_of(plugin):
            value: Any = Document().network
            for name in each.attribute.split("."):
                value = getattr(value, name)
            assert value == each.default
