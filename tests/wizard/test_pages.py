"""Each page opens, saves, and preserves everything else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.config.defaults import starter_document
from clusters.models import Cluster, HostKey, Probe
from clusters.runs.documents import write_document
from clusters.services import document_of, draft_create
from clusters.services.drafts import DraftBusy, DraftConflict
from clusters.wizard.core import flow
from clusters.wizard.kubernetes.artifact_choices import Offered

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

    from clusters.errors import InstallerError
    from tests.conftest import BundleOf
    from tests.wizard.visitor import Visitor

SLUGS = ["machines", "connection", "roles", "endpoint", "kubernetes", "prechecks", "review"]
SECRETS = ("Qcloud@123", "Testing123")


def test_the_pages_are_found_in_their_order() -> None:
    assert [page.slug for page in flow.pages()] == SLUGS


def test_every_page_has_an_icon_that_exists() -> None:
    icons = (Path(__file__).parents[2] / "templates" / "_icons.svg").read_text()
    assert [page.slug for page in flow.pages() if f'id="i-{page.icon}"' not in icons] == []


@pytest.mark.parametrize("slug", SLUGS)
def test_a_page_opens_and_shows_no_secret(visitor: Visitor, slug: str) -> None:
    answer = visitor.get(slug)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "sample" in text
    assert not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("slug", SLUGS)
def test_an_empty_draft_opens_on_every_page(client: Client, alice: User, slug: str) -> None:
    client.force_login(alice)
    draft = draft_create(actor=alice, name="new")
    assert client.get(f"/clusters/{draft.pk}/wizard/{slug}/").status_code == 200


@pytest.mark.parametrize("slug", SLUGS)
def test_another_users_draft_is_not_found(client: Client, bob: User, visitor: Visitor, slug: str) -> None:
    client.force_login(bob)
    assert client.get(visitor.address(slug)).status_code == 404
    assert client.post(visitor.address(slug), {"draft_version": 1}).status_code == 404


def test_strangers_cannot_test_accept_or_take_practice_machines(client: Client, bob: User, visitor: Visitor) -> None:
    client.force_login(bob)
    start = f"/clusters/{visitor.cluster.pk}/wizard/"
    for tail in ("connection/test/", "connection/accept/", "practice/"):
        assert client.post(start + tail).status_code == 404
    assert client.get(start + "connection/table/").status_code == 404
    assert client.get(start).status_code == 404


def test_an_unknown_page_is_not_there(visitor: Visitor) -> None:
    assert visitor.get("wishes").status_code == 404


def test_the_wizard_starts_where_something_blocks(client: Client, alice: User) -> None:
    client.force_login(alice)
    draft = draft_create(actor=alice, name="new")
    answer = client.get(f"/clusters/{draft.pk}/wizard/")
    assert answer.headers["Location"].endswith("/wizard/machines/")


def test_saving_what_is_there_changes_nothing(visitor: Visitor) -> None:
    before = write_document(visitor.document())
    visitor.post("machines", visitor.machines())
    ticked = {"role-etcd": ["node1"], "role-master": ["node1"], "role-worker": ["node2", "node3"]}
    visitor.post("roles", ticked)
    assert write_document(visitor.document()) == before
    assert visitor.cluster.version == 1


def test_a_control_plane_without_workers_is_not_shown_as_one(visitor: Visitor) -> None:
    visitor.post("roles", {"role-etcd": ["node1"], "role-master": ["node1"], "role-worker": []})
    assert visitor.document().role_groups.worker == ()
    text = visitor.get("roles").content.decode()
    assert 'name="role-worker" value="node1" checked' not in text
    assert 'name="role-master" value="node1" checked' in text


def test_a_control_plane_that_is_ticked_as_the_only_worker_becomes_one(visitor: Visitor) -> None:
    ticked = {"role-etcd": ["node1"], "role-master": ["node1"], "role-worker": []}
    visitor.post("roles", ticked)
    visitor.post("roles", ticked | {"role-worker": ["node1"]})
    assert visitor.document().role_groups.worker == ("node1",)


def test_next_and_back_lead_to_the_pages_beside(visitor: Visitor) -> None:
    ticked = {"role-etcd": ["node1"], "role-master": ["node1"], "role-worker": ["node2"]}
    assert visitor.post("roles", ticked | {"action": "next"}).headers["Location"].endswith("/endpoint/")
    assert visitor.post("roles", ticked | {"action": "back"}).headers["Location"].endswith("/connection/")


def test_autosave_answers_with_what_is_around_the_inputs(visitor: Visitor) -> None:
    data = visitor.machines(h1_address="not an address", h1_password="An0ther-secret")
    answer = visitor.post("machines", data, htmx=True)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert 'id="draft-version" name="draft_version" value="2"' in text
    assert 'id="saved"' in text and 'id="yaml-text"' in text and 'id="rail"' in text
    assert "not an address" in text.split('data-of="host-1"')[1].split("</div>")[0]
    assert "An0ther-secret" not in text
    assert 'name="host-1-address"' not in text


def test_a_page_that_is_out_of_date_saves_nothing(visitor: Visitor) -> None:
    visitor.post("endpoint", {"kind": "none", "domain": "first.example", "port": "6443"})
    for htmx in (True, False):
        stale = {"kind": "none", "domain": "second.example", "port": "6443"}
        answer = visitor.post("endpoint", stale, htmx=htmx, version=1)
        assert answer.status_code == 409
        text = answer.content.decode()
        assert "Nothing was overwritten" in text and "first.example" in text
        assert "second.example" in text.split('id="conflict"')[1].split("</table>")[0]
    assert visitor.document().control_plane_endpoint.domain == "first.example"


@pytest.mark.parametrize("error", [DraftConflict("Somebody was faster."), DraftBusy("A run works with it.")])
def test_the_reason_for_a_refused_save_is_on_the_page(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, error: InstallerError
) -> None:
    def refuse(**_: object) -> None:
        raise error

    monkeypatch.setattr("clusters.services.draft_update", refuse)
    for htmx in (True, False):
        answer = visitor.post("endpoint", {"kind": "none", "domain": "new.example", "port": "6443"}, htmx=htmx)
        assert answer.status_code == 409
        assert error.message in answer.content.decode()


def test_the_endpoint_has_an_address_only_with_a_load_balancer(visitor: Visitor) -> None:
    visitor.post("endpoint", {"kind": "external", "domain": "lb.example", "address": "10.99.0.9", "port": "6443"})
    assert visitor.document().control_plane_endpoint.address == "10.99.0.9"
    visitor.post("endpoint", {"kind": "none", "domain": "lb.example", "address": "10.99.0.9", "port": "6443"})
    assert visitor.document().control_plane_endpoint.address == ""


def test_what_is_not_built_cannot_be_chosen(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.wizard.pages.endpoint.why_not", lambda document, kind: "Not today.")
    answer = visitor.post("endpoint", {"kind": "haproxy", "domain": "lb.example", "port": "6443"})
    assert answer.status_code == 422
    assert visitor.document().control_plane_endpoint.internal_loadbalancer == ""


def test_kubernetes_choices_are_written(visitor: Visitor) -> None:
    data = {"name": "prod", "version": "v1.20.2", "cluster_name": "cluster.local", "plugin": "none"}
    data |= {"proxy_mode": "ipvs", "kube_pods_cidr": "10.10.0.0/16", "kube_service_cidr": "10.20.0.0/16"}
    assert visitor.post("kubernetes", data).status_code == 302
    document = visitor.document()
    assert (document.name, document.network.plugin, document.kubernetes.proxy_mode) == ("prod", "none", "ipvs")
    assert document.network.kube_pods_cidr == "10.10.0.0/16"
    assert visitor.cluster.name == "prod"


def test_practice_machines_bring_roles_and_a_version(
    client: Client, alice: User, settings: Settings, tmp_path: Path, bundle_of: BundleOf
) -> None:
    settings.SLIPWAY_PRACTICE_FILE = str(tmp_path / "practice.yaml")
    (tmp_path / "practice.yaml").write_text(
        "- {name: p1, address: 10.99.1.1, password: Prac-tice1}\n"
        "- {name: p2, address: 10.99.1.2, password: Prac-tice1}\n"
    )
    client.force_login(alice)
    draft = draft_create(actor=alice, name="new", document=starter_document("v1.35.0"))
    bundle_of("v1.36.4", "v1.36.3")
    start = f"/clusters/{draft.pk}/wizard/"
    shown = client.get(f"{start}machines/").content.decode()
    assert 'id="use-practice-machines"' in shown and "Prac-tice1" not in shown
    client.post(f"{start}practice/", {"draft_version": draft.version})
    shown = client.get(f"{start}machines/").content.decode()
    assert 'value="p2"' in shown and "Prac-tice1" not in shown
    assert 'name="role-worker" value="p2" checked' in client.get(f"{start}roles/").content.decode()
    draft.refresh_from_db()
    assert document_of(draft).kubernetes.version == "v1.36.3"


def test_a_test_can_be_asked_for_and_is_polled_while_it_runs(visitor: Visitor) -> None:
    assert 'data-host="node1" ' in visitor.get("connection").content.decode()
    start = f"/clusters/{visitor.cluster.pk}/wizard/connection/"
    assert 'hx-trigger="every 700ms"' not in visitor.client.get(f"{start}table/").content.decode()
    visitor.client.post(f"{start}test/", {"host": "node2"})
    assert list(Probe.objects.values_list("host", flat=True)) == ["node2"]
    visitor.client.post(f"{start}test/")
    text = visitor.client.get(f"{start}table/").content.decode()
    assert text.count('data-state="waiting"') == 3
    assert 'hx-trigger="every 700ms"' in text


def test_new_keys_are_accepted_together_but_changed_ones_only_alone(visitor: Visitor) -> None:
    start = f"/clusters/{visitor.cluster.pk}/wizard/connection/"
    visitor.client.post(f"{start}test/")
    offered = {"key_type": "ssh-ed25519", "key": "AAAA", "fingerprint": "SHA256:new"}
    stages = [{"name": "reach", "state": "ok"}, {"name": "hostkey", "state": "ask", "message": "A new key."}]
    Probe.objects.filter(host="node1").update(state="ask", offered=offered, stages=stages)
    changed = [{"name": "reach", "state": "ok"}, {"name": "hostkey", "state": "failed", "message": "Another key."}]
    Probe.objects.filter(host="node2").update(state="failed", offered=offered, stages=changed)
    text = visitor.get("connection").content.decode()
    together = text.split('data-key="accept"')[1].split("</form>")[0]
    assert 'value="node1"' in together and 'value="node2"' not in together
    assert "Accept the changed key" in text
    visitor.client.post(f"{start}accept/", {"host": "node1", "fingerprint": "SHA256:new"})
    assert [key.address for key in HostKey.objects.all()] == ["10.99.0.1"]


def test_the_review_lists_untested_machines(visitor: Visitor) -> None:
    assert "node1, node2, node3" in visitor.get("review").content.decode().split('id="unready"')[1]


def test_install_is_offered_only_when_nothing_blocks(visitor: Visitor) -> None:
    def button() -> str:
        text: str = visitor.get("review").content.decode()
        return text.split('id="install-cluster"')[1].split(">")[0]

    assert "disabled" not in button()
    visitor.post("roles", {"role-etcd": [], "role-master": ["node1"], "role-worker": ["node2"]})
    assert "disabled" in button()


def test_a_copy_is_a_separate_draft_with_all_secrets(visitor: Visitor) -> None:
    for name in ("sample-copy", "sample-copy2"):
        answer = visitor.client.post(f"/clusters/{visitor.cluster.pk}/wizard/copy/")
        copy = Cluster.objects.get(name=name)
        assert answer.headers["Location"] == f"/clusters/{copy.pk}/wizard/"
        assert document_of(copy).hosts == visitor.document().hosts
        assert (document_of(copy).name, copy.state, copy.owner) == (name, "draft", visitor.cluster.owner)


def test_another_users_draft_cannot_be_copied(visitor: Visitor, bob: User) -> None:
    visitor.client.force_login(bob)
    assert visitor.client.post(f"/clusters/{visitor.cluster.pk}/wizard/copy/").status_code == 404


def test_versions_and_their_marks_come_from_one_place(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Offered(("v1.21.0",), "One version, seen just now.", held=True)
    monkeypatch.setattr("clusters.wizard.pages.kubernetes.kubernetes_versions", lambda: found)
    text = visitor.get("kubernetes").content.decode()
    assert "One version, seen just now." in text.split('id="help-version"')[1].split("</div>")[0]
    offered = text.split('id="id_version"')[1].split("</select>")[0]
    assert 'value="v1.21.0"' in offered and 'value="v1.20.2" selected' in offered
