"""KubeKey 4's two files are one document, and findings name the file, its line and its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.config.file_sets import file_sets, joined
from clusters.config.load import load
from clusters.config.report import findings_of, report
from tests.config.dialects.test_markdown import CLUSTER, CONFIG, INVENTORY

if TYPE_CHECKING:
    from clusters.config.finding import Finding

PARTS = {"hosts.yaml": INVENTORY, "settings.yaml": CONFIG}


@pytest.mark.parametrize("order", [("hosts.yaml", "settings.yaml"), ("settings.yaml", "hosts.yaml")])
def test_an_inventory_and_a_config_are_checked_together(order: tuple[str, str]) -> None:
    result = report([(name, PARTS[name]) for name in order])
    assert not result.failed
    assert [each["file"] for each in result.data["files"]] == [" + ".join(order)]
    assert result.lines[-1] == f"{' + '.join(order)}: can be installed, 0 errors and 0 warnings."


def test_files_of_several_clusters_are_checked_one_by_one() -> None:
    sources = [("a.yaml", CLUSTER), ("b.yaml", INVENTORY), ("c.yaml", CLUSTER), ("d.yaml", CONFIG)]
    assert [each.name for each in file_sets(sources)] == ["a.yaml", "b.yaml + d.yaml", "c.yaml"]


def test_findings_of_two_files_have_the_line_in_their_file_and_its_keys() -> None:
    inventory = INVENTORY.replace("kube_worker: {hosts: [slate]}", "kube_worker: {hosts: [basalt]}")
    config = CONFIG.replace("v1.35.6}", "v1.35.6, kubelet: {max_pods: 900}}")
    found = {each.id: each for each in _placed(inventory, config) if each.blocking}
    unknown, many = found["role.unknown_host"], found["kubernetes.max_pods_too_many"]
    assert (unknown.file, unknown.path) == ("hosts.yaml", "groups.kube_worker.hosts.0")
    assert inventory.split("\n")[unknown.line - 1][unknown.column - 1 :].startswith("basalt")
    assert unknown.message.startswith("kube_worker contains 'basalt'")
    assert (many.file, many.path) == ("settings.yaml", "kubernetes.kubelet.max_pods")
    assert config.split("\n")[many.line - 1][many.column - 1 :].startswith("max_pods")
    assert many.hint == "Lower kubernetes.kubelet.max_pods to 254 or cni.ipv4_mask_size to 22."


def _placed(inventory: str, config: str) -> tuple[Finding, ...]:
    files = joined([("hosts.yaml", inventory), ("settings.yaml", config)])
    return files.placed(findings_of(load(files.text)))


def test_an_unknown_key_of_the_second_file_is_named_too() -> None:
    config = CONFIG.replace("metadata: {name: quarry}", "metadata: {name: quarry, owner: masons}\nnotes: none")
    for order in ((INVENTORY, config), (config, INVENTORY)):
        found = joined([("one.yaml", order[0]), ("two.yaml", order[1])])
        names = {each.found for each in findings_of(load(found.text)) if each.id == "key.unknown"}
        assert names == {"'owner'", "'notes'"}


def test_a_config_with_another_version_of_the_api_is_an_error_in_its_file() -> None:
    config = CONFIG.replace("kubekey.kubesphere.io/v1\n", "kubekey.kubesphere.io/v1alpha2\n")
    (found,) = (each for each in _placed(INVENTORY, config) if each.blocking)
    assert (found.id, found.file, found.line) == ("api.unknown", "settings.yaml", 1)


@pytest.mark.parametrize("variables", ["{rack: B7}", "{connector: {type: local}}", "[odd]", "odd"])
def test_no_variable_of_a_machine_is_lost_in_silence(variables: str) -> None:
    inventory = INVENTORY.replace("  groups:\n", f"    chalk: {variables}\n  groups:\n")
    found = [each for each in _placed(inventory, CONFIG) if each.id in ("key.not_acted_on", "key.unknown")]
    assert len(found) == 1 and found[0].path.startswith("hosts.chalk")


def test_a_page_with_one_of_the_parts_is_joined_with_the_other() -> None:
    page = f"The machines:\n\n```yaml\n{INVENTORY}```\n"
    files = joined([("page.md", page), ("settings.yaml", CONFIG.replace("v1.35.6", "v1.17.9"))])
    (found,) = (each for each in files.placed(findings_of(load(files.text))) if each.blocking)
    assert (found.file, found.line, found.path) == ("settings.yaml", 5, "kubernetes.kube_version")


def test_a_config_alone_is_sent_to_its_inventory() -> None:
    result = report([("settings.yaml", CONFIG)])
    (found,) = (each for each in result.data["files"][0]["findings"] if each["id"] == "hosts.none")
    assert found["hint"] == "Add at least one machine to the Inventory. If it is another file, name both files."
