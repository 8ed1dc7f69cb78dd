"""What may be waived, what may not, and the one table of implemented choices."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from clusters.config import kubernetes_versions, matrix, rules
from clusters.config.finding import Severity
from clusters.config.rules import notbuilt
from clusters.config.schema import ControlPlaneEndpoint, Network, RoleGroups, System
from clusters.management.commands.config import Command
from tests.config.documents import seed_document
from tests.plans import newest_patches

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

SEVERAL = RoleGroups(etcd=("node1", "node2"), master=("node1", "node2"), worker=("node3",))


def _found(document: Document, *waivers: str) -> dict[str, Finding]:
    return {each.id: each for each in rules.check(document, waivers)}


def test_a_waived_finding_stays_and_blocks_no_longer() -> None:
    document = seed_document(role_groups=SEVERAL)
    before, after = _found(document), _found(document, "etcd.even_count")
    assert before["etcd.even_count"].blocking
    assert before["etcd.even_count"].waivable
    assert not after["etcd.even_count"].blocking
    assert after["etcd.even_count"].waived
    assert after["etcd.even_count"].severity is Severity.ERROR
    assert after["endpoint.no_load_balancer"].blocking


@pytest.mark.parametrize(
    ("id", "why", "hint"),
    [
        ("network.cidr_syntax", "an error with this id cannot be waived", "Change the document, and remove"),
        (
            "role.no_etcd",
            "the document has no finding with this id today",
            "Errors that can be waived now: endpoint.no_load_balancer",
        ),
        ("etcd.even_number", "the document has no finding with this id today", "Did you mean etcd.even_count?"),
        ("network.plugin_none", "the document has no finding with this id today", "Remove the waiver if"),
    ],
)
def test_a_waiver_without_effect_gives_the_reason_and_what_to_do(id: str, why: str, hint: str) -> None:
    network = Network(plugin="bridge", kube_pods_cidr="10")
    found = _found(seed_document(network=network, role_groups=SEVERAL), id)
    assert f"The waiver '{id}' has no effect: {why}." == found["waiver.unused"].message
    assert hint in found["waiver.unused"].hint
    assert found["network.cidr_syntax"].blocking


def test_a_warning_needs_no_waiver() -> None:
    found = _found(seed_document(network=Network(plugin="none")), "network.plugin_none")
    assert "only errors are waived" in found["waiver.unused"].message


def test_only_errors_can_be_waived() -> None:
    document = seed_document(network=Network(plugin="none"))
    assert not _found(document)["network.plugin_none"].waivable


def test_building_a_load_balancer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = RoleGroups(etcd=("node[1:3]",), master=("node[1:3]",), worker=("node3",))
    endpoint = ControlPlaneEndpoint(internal_loadbalancer="kube-vip", address="172.16.0.99")
    document = seed_document(role_groups=groups, control_plane_endpoint=endpoint)
    monkeypatch.setitem(notbuilt.BUILT["internalLoadbalancer"], "kube-vip", False)
    assert set(_found(document)) == {"endpoint.load_balancer_not_built"}
    monkeypatch.setitem(notbuilt.BUILT["internalLoadbalancer"], "kube-vip", True)
    assert _found(document) == {}


def test_building_kubesphere_makes_its_findings_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    from clusters.config.schema import KubeSphere

    document = seed_document(kubesphere_document=KubeSphere(version="v3.4.1"))
    assert not _found(document)["kubesphere.kubernetes"].blocking
    monkeypatch.setitem(notbuilt.BUILT["documents"], "KubeSphere", True)
    assert _found(document)["kubesphere.kubernetes"].blocking
    assert not _found(document, "kubesphere.kubernetes")["kubesphere.kubernetes"].blocking


def test_an_unknown_time_zone_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoneinfo.available_timezones", lambda: {"Europe/Berlin"})
    found = _found(seed_document(system=System(timezone="Europe/Berlinn")))["system.timezone_unknown"]
    assert found.hint == "Did you mean Europe/Berlin?"


def test_every_version_here_has_an_etcd_that_kubeadm_takes() -> None:
    for text in newest_patches():
        facts = kubernetes_versions.facts_of(text)
        etcd = matrix.parsed(facts.etcd)
        assert etcd is not None
        assert etcd >= matrix.oldest_etcd(facts.version.minor, facts.version.patch)
        containerd = matrix.parsed(facts.containerd)
        assert containerd is not None
        assert not matrix.runtime_refused("containerd", containerd, facts.version.minor)
        assert not matrix.runtime_untested("containerd", containerd, facts.version.minor)


@pytest.mark.parametrize(
    ("text", "version"),
    [("v3.27.4", (3, 27, 4)), ("1.15", (1, 15, 0)), ("3.5.24-0", (3, 5, 24)), ("latest", None), ("", None)],
)
def test_versions_of_parts_are_compared_as_numbers(text: str, version: tuple[int, int, int] | None) -> None:
    assert matrix.parsed(text) == version


def test_the_command_waives_and_speaks_json(tmp_path: Path) -> None:
    from clusters.config.dialects.render import render

    groups = RoleGroups(etcd=("node1", "node2"), master=("node1",), worker=("node3",))
    file = tmp_path / "a.yaml"
    file.write_text(render(seed_document(role_groups=groups), secrets="show"), encoding="utf-8")
    out = io.StringIO()
    command = Command(stdout=out, stderr=io.StringIO(), no_color=True)
    with pytest.raises(SystemExit):
        command.handle(verb="check", files=[str(file)])
    assert "[etcd.even_count, may be waived]" in out.getvalue()
    out.truncate(0)
    out.seek(0)
    command.handle(verb="check", files=[str(file)], waive=["etcd.even_count"], json=True)
    told = json.loads(out.getvalue())["files"][0]
    assert told["installable"]
    finding = next(each for each in told["findings"] if each["id"] == "etcd.even_count")
    assert (finding["waived"], finding["severity"], finding["file"]) == (True, "error", str(file))
    assert (finding["path"], finding["found"], finding["allowed"]) == ("spec.roleGroups.etcd", "2", "an odd number")
    assert finding["line"] > 1
    assert "Testing123" not in out.getvalue()


def test_the_command_prints_the_schema_and_v4(tmp_path: Path) -> None:
    from clusters.config.dialects.render import render
    from clusters.config.load import load

    out = io.StringIO()
    command = Command(stdout=out, stderr=io.StringIO(), no_color=True)
    command.handle(verb="schema")
    assert json.loads(out.getvalue())["$schema"].endswith("2020-12/schema")
    file = tmp_path / "a.yaml"
    file.write_text(render(seed_document(), secrets="show"), encoding="utf-8")
    shown = io.StringIO()
    Command(stdout=shown, stderr=io.StringIO(), no_color=True).handle(
        verb="show", files=[str(file)], dialect="v4", with_secrets=True
    )
    assert load(shown.getvalue()).dialect == "v4"


def test_the_documentation_names_what_may_be_waived() -> None:
    from pathlib import Path

    from clusters.config.load import load
    from clusters.config.report import findings_of

    page = (Path(__file__).resolve().parents[2] / "docs" / "document.md").read_text(encoding="utf-8")
    cases = (Path(__file__).parent / "cases").glob("*.yaml")
    found = [each for case in cases for each in findings_of(load(case.read_text(encoding="utf-8")))]
    may = {each.id for each in found if each.waivable} | {"kubesphere.kubernetes"}
    assert may == {
        line.split("`")[1]
        for line in page.splitlines()
        if line.startswith(
            ("| `etcd.", "| `endpoint.", "| `network.", "| `kubernetes.", "| `compat.", "| `kubesphere.")
        )
    }


def test_the_command_writes_and_reads_the_two_files_of_v4(tmp_path: Path) -> None:
    from django.core.management.base import CommandError

    from clusters.config.dialects.render import render
    from clusters.config.load import load

    file = tmp_path / "a.yaml"
    file.write_text(render(seed_document(network=Network(plugin="none")), secrets="show"), encoding="utf-8")
    out = io.StringIO()
    command = Command(stdout=out, stderr=io.StringIO(), no_color=True)
    asked = {"verb": "show", "dialect": "v4", "with_secrets": True}
    command.handle(**asked, files=[str(file)], to=str(tmp_path / "v4"))
    written = sorted((tmp_path / "v4").iterdir())
    assert [each.name for each in written] == ["config.yaml", "inventory.yaml"]
    assert [each.stat().st_mode & 0o777 for each in written] == [0o600, 0o600]
    out.truncate(0)
    out.seek(0)
    command.handle(verb="show", files=[str(each) for each in written], dialect="v1alpha2", with_secrets=True)
    assert load(out.getvalue()).document == seed_document(network=Network(plugin="none"))
    with pytest.raises(CommandError, match="already exists"):
        command.handle(**asked, files=[str(file)], to=str(tmp_path / "v4"))
