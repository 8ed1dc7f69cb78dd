"""Warnings are acknowledged one by one, and an active run prevents changes of its draft."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.utils.html import escape

from clusters import services
from clusters.config.rules import check
from clusters.models import AuditEntry, Run
from clusters.services import waiver_key
from clusters.services.waivers import WarningsUnread, unread
from clusters.wizard.document.editor import editor
from tests.conftest import SEED

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from clusters.config.finding import Finding
    from tests.wizard.visitor import Visitor


@pytest.fixture
def warned(visitor: Visitor) -> Visitor:
    """A draft with two warnings: two machines that are in no role group."""
    spare = visitor.row(3, None, name="spare", address="10.99.0.8", password="x")
    visitor.post("machines", spare | visitor.row(4, None, name="extra", address="10.99.0.9", password="x"), htmx=True)
    return visitor


def warnings(visitor: Visitor) -> list[Finding]:
    return [finding for finding in check(visitor.document()) if finding.severity.value == "warning"]


WHY = "a lab needs no more"


def waive(visitor: Visitor, key: str, given: str = "on") -> None:
    visitor.client.post(visitor.address("review") + "waive/", {"key": key, "given": given, "reason": WHY})
    visitor.cluster.refresh_from_db()


def button(visitor: Visitor) -> str:
    text: str = visitor.get("review").content.decode()
    return text.split('id="install-cluster"')[1].split(">")[0]


def test_install_waits_until_every_warning_is_known(warned: Visitor) -> None:
    first, second = warnings(warned)
    assert "disabled" in button(warned)
    waive(warned, waiver_key(first))
    assert "disabled" in button(warned)
    waive(warned, waiver_key(second))
    assert "disabled" not in button(warned)


def test_an_acknowledgement_has_user_and_time_and_can_be_withdrawn(warned: Visitor) -> None:
    finding = warnings(warned)[0]
    waive(warned, waiver_key(finding))
    (waiver,) = warned.cluster.waivers
    assert (waiver["by"], waiver["id"], waiver["text"]) == ("alice", "host.no_role", finding.message)
    assert "alice" in warned.get("review").content.decode().split('class="waive"')[1].split("</form>")[0]
    waive(warned, waiver_key(finding), given="")
    assert warned.cluster.waivers == []
    deeds = AuditEntry.objects.filter(deed__startswith="waiver").order_by("id").values_list("deed", flat=True)
    assert list(deeds) == ["waiver.give", "waiver.take_back"]


def test_a_key_without_a_warning_is_not_stored(warned: Visitor) -> None:
    waive(warned, "host.no_role:000000000000")
    assert warned.cluster.waivers == []


def test_a_warning_with_a_changed_text_is_another_warning(warned: Visitor) -> None:
    for finding in warnings(warned):
        waive(warned, waiver_key(finding))
    warned.post("machines", warned.row(3, 3, name="renamed", address="10.99.0.8"), htmx=True)
    assert [finding.hosts for finding in unread(warned.cluster, warnings(warned))] == [("renamed",)]


def test_a_run_is_refused_until_acknowledged_and_stores_the_record(warned: Visitor) -> None:
    alice = warned.cluster.owner
    with pytest.raises(WarningsUnread):
        services.run_start(actor=alice, cluster=warned.cluster)
    for finding in warnings(warned):
        waive(warned, waiver_key(finding))
    run = services.run_start(actor=alice, cluster=warned.cluster)
    assert [waiver["by"] for waiver in run.acknowledged] == ["alice", "alice"]
    assert run.waivers == ["host.no_role"]


def test_a_user_who_saw_all_warnings_may_acknowledge_all(warned: Visitor) -> None:
    run = services.run_start(actor=warned.cluster.owner, cluster=warned.cluster, acknowledge_all=True)
    assert len(run.acknowledged) == 2


@pytest.fixture
def even(visitor: Visitor) -> Visitor:
    """A draft with two etcd members: an error that may be waived."""
    visitor.post("roles", {"role-etcd": ["node1", "node2"], "role-master": ["node1"], "role-worker": ["node3"]})
    return visitor


def errors(visitor: Visitor) -> list[Finding]:
    return [finding for finding in check(visitor.document()) if finding.blocking]


def test_a_waivable_error_is_waived_and_the_run_starts(even: Visitor) -> None:
    (error,) = errors(even)
    assert error.id == "etcd.even_count" and "disabled" in button(even)
    with pytest.raises(services.RunRefused):
        services.run_start(actor=even.cluster.owner, cluster=even.cluster)
    waive(even, waiver_key(error))
    text = even.get("review").content.decode()
    assert "alice" in text.split('data-weight="waived"')[1].split("</section>")[0]
    assert "disabled" not in button(even)
    assert 'data-state="failed"' not in text.split('id="rail"')[1].split("</nav>")[0]
    run = services.run_start(actor=even.cluster.owner, cluster=even.cluster)
    assert [(each["by"], each["id"], each["severity"]) for each in run.acknowledged] == [
        ("alice", "etcd.even_count", "error")
    ]
    assert run.waivers == ["etcd.even_count"]


def test_the_yes_is_for_this_sentence_and_a_retry_asks_for_it_too(even: Visitor) -> None:
    waive(even, waiver_key(errors(even)[0]))
    run = services.run_start(actor=even.cluster.owner, cluster=even.cluster)
    Run.objects.update(state="failed")
    run.refresh_from_db()
    again = services.run_retry(actor=even.cluster.owner, run=run)
    Run.objects.update(state="failed")
    even.post("machines", even.row(3, None, name="node4", address="10.99.0.8", password="x"), htmx=True)
    names = ["node1", "node2", "node3", "node4"]
    even.post("roles", {"role-etcd": names, "role-master": ["node1"], "role-worker": ["node3"]})
    even.cluster.refresh_from_db()
    with pytest.raises(services.RunRefused):
        services.run_retry(actor=even.cluster.owner, run=again)


def test_an_error_that_may_not_be_waived_has_no_box_and_is_not(visitor: Visitor) -> None:
    visitor.post("machines", visitor.row(1, 1, name="node2", address="not an address"), htmx=True)
    (error,) = errors(visitor)
    group = visitor.get("review").content.decode().split('data-weight="error"')[1].split("</section>")[0]
    assert "checkbox" not in group
    waive(visitor, waiver_key(error))
    assert visitor.cluster.waivers == []
    with pytest.raises(services.RunRefused):
        services.run_start(actor=visitor.cluster.owner, cluster=visitor.cluster)


def test_an_error_can_be_waived_by_its_id(even: Visitor) -> None:
    run = services.run_start(actor=even.cluster.owner, cluster=even.cluster, waivers=["etcd.even_count"], reason=WHY)
    Run.objects.update(state="failed")
    run.refresh_from_db()
    assert services.run_retry(actor=even.cluster.owner, run=run).waivers == ["etcd.even_count"]


def test_a_user_cannot_acknowledge_for_another_user(warned: Visitor, bob: User) -> None:
    key = waiver_key(warnings(warned)[0])
    warned.client.force_login(bob)
    assert warned.client.post(warned.address("review") + "waive/", {"key": key, "given": "on"}).status_code == 404


def test_each_finding_leads_to_its_field(visitor: Visitor) -> None:
    visitor.post("machines", visitor.row(1, 1, name="node2", address="not an address"), htmx=True)
    text = visitor.get("review").content.decode()
    assert f'href="{visitor.address("machines")}#id_host-1-address"' in text
    assert 'id="id_host-1-address"' in visitor.get("machines").content.decode()
    visitor.post("roles", {"role-etcd": [], "role-master": ["node1"], "role-worker": ["node2"]})
    assert f'href="{visitor.address("roles")}#id_role-etcd"' in visitor.get("review").content.decode()
    assert 'id="id_role-etcd"' in visitor.get("roles").content.decode()


def test_keys_without_effect_are_shown_and_need_no_acknowledgement(visitor: Visitor) -> None:
    rows = "".join(f"  - {{name: n{n}, address: 10.98.0.{n}, pasword: x, password: y}}\n" for n in (1, 2, 3))
    kept = "  addons:\n  - {name: nfs, sources: {chart: {name: nfs}}}\n"
    visitor.cluster.document = SEED.replace("  roleGroups:", f"{rows}  roleGroups:") + kept
    visitor.cluster.save()
    text = visitor.get("review").content.decode().split('id="review"')[1]
    (group,) = re.findall(r'data-weight="info".*?</section>', text, re.DOTALL)
    entries = group.split("<li ")[1:]
    (unknown,) = [each for each in entries if "pasword" in each]
    assert "Did you mean password?" in unknown and "In 3 places." in unknown
    assert "machines/#id_host-3-name" in unknown
    assert any("addons" in each and "it has no effect yet" in each and "data-line" in each for each in entries)
    assert 'class="waive"' not in group
    marks = visitor.get("kubernetes").content.decode().split('id="marks"')[1]
    assert "Did you mean password?" in marks, "the lines stay marked beside the forms"


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("  system:\n    ntpServers: [not a name]\n", "ntpServers"),
        ("  dns:\n    coredns:\n      externalZones:\n      - zones: [other.com]\n", "other.com"),
        ("  storage:\n    openebs: {basePath: volumes}\n", "openebs"),
        ("  addons:\n  - {name: Bad_Name, namespace: x}\n", "Bad_Name"),
        ("  registry:\n    registryMirrors: [no url]\n", "registryMirrors"),
        ("  etcd: {type: kubekey, heartbeatInterval: 900, electionTimeout: 1000}\n", "etcd"),
    ],
)
def test_what_no_field_is_for_leads_to_its_line_in_the_document(visitor: Visitor, section: str, line: str) -> None:
    visitor.cluster.document = SEED + section
    visitor.cluster.save()
    found = [
        each for each in check(visitor.document()) if each.path.startswith(f"spec.{section.strip().partition(':')[0]}")
    ]
    assert found
    lines = editor(visitor.document(), visitor.cluster.document).text.split("\n")
    text = visitor.get("review").content.decode().split('id="review"')[1]
    for finding in found:
        entry = next(each for each in text.split("<li ") if escape(finding.message) in each)
        (number,) = re.findall(r'href="#yaml" data-line="(\d+)"', entry)
        assert line in lines[int(number) - 1] + lines[max(0, int(number) - 2)]


@pytest.fixture
def busy(visitor: Visitor, make_run: Callable[..., Run]) -> Visitor:
    """A draft of which a run is active."""
    make_run(state="running")
    return visitor


@pytest.mark.parametrize("slug", ["machines", "roles", "endpoint", "kubernetes", "prechecks", "review"])
def test_while_a_run_is_active_pages_only_show(busy: Visitor, slug: str) -> None:
    text = busy.get(slug).content.decode()
    run = Run.objects.get()
    assert f'href="/runs/{run.pk}/"' in text.split('id="busy"')[1].split("</div>")[0]
    assert re.search(r'<fieldset class="plain" id="fields" disabled>', text)
    assert 'hx-trigger="input changed' not in text


@pytest.mark.parametrize("htmx", [True, False])
def test_while_a_run_is_active_a_save_is_answered_with_409(busy: Visitor, htmx: bool) -> None:
    data = {"kind": "none", "domain": "new.example", "port": "6443"}
    answer = busy.post("endpoint", data, htmx=htmx)
    assert answer.status_code == 409
    assert "nothing in it can be changed now" in answer.content.decode()
    assert busy.document().control_plane_endpoint.domain == "lb.kubesphere.local"


def test_while_a_run_is_active_no_way_in_is_open(busy: Visitor) -> None:
    start = f"/clusters/{busy.cluster.pk}/wizard/"
    posts = {
        "practice/": {},
        "layout/": {"layout": "small"},
        "document/": {"text": "x: y", "page": "roles"},
        "review/waive/": {"key": "x", "given": "on"},
        "machines/add/": {"text": "n9 10.9.9.9", "action": "take"},
        "machines/login/": {"row": "0:node1", "kind": "keep", "user": "x"},
    }
    before = busy.document()
    for tail, data in posts.items():
        answer = busy.client.post(start + tail, {"draft_version": busy.cluster.version, **data})
        assert answer.status_code in (302, 409, 422), tail
    assert busy.document() == before


def test_after_the_run_it_can_be_edited_again(busy: Visitor) -> None:
    Run.objects.update(state="failed")
    busy.post("endpoint", {"kind": "none", "domain": "new.example", "port": "6443"}, htmx=True)
    assert busy.document().control_plane_endpoint.domain == "new.example"


def test_the_review_leads_to_a_preview_and_names_phases(visitor: Visitor) -> None:
    shown = visitor.get("review").content.decode()
    assert f'id="preview-first" href="/clusters/{visitor.cluster.pk}/do/' in shown
    assert ">Operating system</th>" in shown
