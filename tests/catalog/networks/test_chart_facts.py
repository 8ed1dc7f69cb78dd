"""Our values, images, ports and names compared with helm's output for the pinned charts (`chart_facts.yaml`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog.networks.needs import needs_of
from clusters.catalog.plugins import images
from clusters.config.plugins import Release, releases_of
from tests.catalog.networks import rendered
from tests.catalog.networks.rendered import MODULES, USUAL, cases, known, paths, values_of
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.schema import Document

FACTS: dict[str, Any] = yaml.safe_load(rendered.FACTS.read_text())
READ_BY_TEMPLATES_ONLY = {"cilium": ["kubeProxyReplacement"]}
"""Values that a chart's own file of values has in a comment. All of them reach the rendered objects."""

ALL = [
    pytest.param(plugin, release, name, document, id=f"{plugin}-{release.version}-{document.kubernetes.version}-{name}")
    for plugin in MODULES
    for release in releases_of(plugin)
    for name, document in cases(plugin, release)
]


def workloads(plugin: str, release: Release, case: str) -> dict[str, dict[str, Any]]:
    """The rendered workloads of that case."""
    by_case: dict[str, dict[str, dict[str, Any]]] = FACTS[plugin][release.version]["cases"]
    return by_case.get(case, by_case[USUAL])


@pytest.mark.parametrize(("plugin", "release", "case", "document"), ALL)
def test_a_chart_has_every_value_that_we_set(plugin: str, release: Release, case: str, document: Document) -> None:
    facts = FACTS[plugin][release.version]
    assert set(facts["unlisted"]) <= set(READ_BY_TEMPLATES_ONLY.get(plugin, ()))
    accepted = [*facts["values"], *facts["unlisted"]]
    unknown = [
        path for path in paths(values_of(document)) if not any(f"{path}.".startswith(f"{each}.") for each in accepted)
    ]
    assert not unknown, "helm ignores values that a chart does not have: python -m tests.catalog.networks.rendered"


@pytest.mark.parametrize(("plugin", "release", "case", "document"), ALL)
def test_the_listed_images_are_those_of_the_pods(plugin: str, release: Release, case: str, document: Document) -> None:
    found = {image for pod in workloads(plugin, release, case).values() for image in pod["images"]}
    assert set(images(document)) == found


@pytest.mark.parametrize(("plugin", "release", "case", "document"), ALL)
def test_prechecks_cover_the_ports_of_pods_in_the_nodes_network(
    plugin: str, release: Release, case: str, document: Document
) -> None:
    found = {port for pod in workloads(plugin, release, case).values() for port in pod["ports"]}
    # node1 is a control plane in every case, and a node of Kubernetes.
    assert found <= set(needs_of(document, "node1").tcp)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("plugin", "release", "case", "document"), ALL)
def test_what_a_step_waits_for_is_rendered(
    plugin: str,
    release: Release,
    case: str,
    document: Document,
    archive: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, document)
    there = {name.rpartition("/")[2] for name in workloads(plugin, release, case)}
    step = getattr(MODULES[plugin], plugin)
    titles = [want.what for want in step(cluster.machine("node1"), cluster)]
    waited = {what.removeprefix("every pod of ").removesuffix(" is ready") for what in titles if "every pod of" in what}
    assert waited and waited <= there


def test_paths_end_where_a_charts_own_values_end() -> None:
    values = {"image": {"tag": "v1"}, "labels": {"a": {"b": 1}}, "off": False}
    own = {"image": {"tag": "", "repository": "x"}, "labels": {}, "extra": None}
    assert list(paths(values, own)) == ["image.tag", "labels", "off"]
    assert list(paths(values)) == ["image.tag", "labels.a.b", "off"]
    assert known("labels.a.b", own) and known("image.tag", own) and known("extra.c", own)
    assert not known("off", own) and not known("image.digest", own)
