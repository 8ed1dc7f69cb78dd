"""Tests of the cluster pages: rights, downloads, and what requires a POST."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from clusters.models import AuditEntry, Cluster, Run
from tests.conftest import SEED

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client

SECRETS = ("Qcloud@123", "Testing123")
PAGES = ("cluster", "cluster-config")
DEEDS = ("cluster-install", "cluster-delete", "cluster-config", "cluster-kubeconfig")


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def strange(client: Client, bob: User) -> Client:
    client.force_login(bob)
    return client


@pytest.mark.parametrize("name", PAGES)
def test_other_users_do_not_learn_that_a_cluster_exists(strange: Client, cluster: Cluster, name: str) -> None:
    assert strange.get(reverse(name, args=[cluster.pk])).status_code == 404


@pytest.mark.parametrize("name", DEEDS)
def test_other_users_change_nothing(strange: Client, cluster: Cluster, name: str) -> None:
    answer = strange.post(reverse(name, args=[cluster.pk]), {"name": cluster.name, "secrets": "show"})
    assert answer.status_code == 404
    assert Cluster.objects.filter(pk=cluster.pk).exists()
    assert not Run.objects.exists()


@pytest.mark.parametrize("name", PAGES)
def test_pages_require_a_login(client: Client, cluster: Cluster, name: str) -> None:
    answer = client.get(reverse(name, args=[cluster.pk]))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_the_list_shows_only_the_users_clusters(client: Client, cluster: Cluster, bob: User, alice: User) -> None:
    client.force_login(bob)
    assert f"/clusters/{cluster.pk}/" not in client.get("/").content.decode()
    client.force_login(alice)
    assert f'href="/clusters/{cluster.pk}/"' in client.get("/").content.decode()


def test_an_empty_list_explains_what_to_do(strange: Client) -> None:
    assert "No clusters yet" in strange.get("/").content.decode()


@pytest.mark.parametrize(
    "address", ["/", "/clusters/{}/", "/clusters/{}/config.yaml", "/clusters/{}/config.yaml?secrets=show"]
)
def test_no_page_and_no_link_reveals_a_secret(page: Client, cluster: Cluster, address: str) -> None:
    text = page.get(address.format(cluster.pk)).content.decode()
    assert "sample" in text
    assert not any(secret in text for secret in SECRETS)


def test_the_document_with_secrets_needs_a_post_and_is_audited(page: Client, cluster: Cluster) -> None:
    answer = page.post(reverse("cluster-config", args=[cluster.pk]), {"secrets": "show", "dialect": "v1alpha1"})
    assert all(secret in answer.content.decode() for secret in SECRETS)
    assert "kubekey.kubesphere.io/v1alpha1" in answer.content.decode()
    assert "attachment" in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    assert AuditEntry.objects.get(deed="config.export").details["with_secrets"] is True


def test_an_unknown_dialect_is_not_found(page: Client, cluster: Cluster) -> None:
    assert page.get(f"/clusters/{cluster.pk}/config.yaml?dialect=v9").status_code == 404


def test_the_kubeconfig_exists_only_after_a_run_delivered_it(page: Client, cluster: Cluster) -> None:
    address = reverse("cluster-kubeconfig", args=[cluster.pk])
    assert page.post(address).status_code == 404
    assert address not in page.get(f"/clusters/{cluster.pk}/").content.decode()
    Cluster.objects.filter(pk=cluster.pk).update(kubeconfig="kind: Config\n")
    assert page.post(address).content == b"kind: Config\n"
    assert 'id="download-kubeconfig"' in page.get(f"/clusters/{cluster.pk}/").content.decode()


def test_a_new_cluster_is_a_draft_that_continues_in_the_wizard(page: Client, alice: User) -> None:
    answer = page.post("/clusters/new/", {"name": "harbour"})
    made = Cluster.objects.get(owner=alice)
    assert made.name == "harbour"
    assert answer["Location"] == reverse("wizard", args=[made.pk, "machines"])


@pytest.mark.parametrize("name", ["cluster-new", "cluster-install", "cluster-delete", "cluster-kubeconfig"])
def test_a_link_changes_nothing(page: Client, cluster: Cluster, name: str) -> None:
    address = reverse(name, args=[] if name == "cluster-new" else [cluster.pk])
    assert page.get(address).status_code == 405


def test_importing_a_document_makes_a_draft(page: Client, alice: User) -> None:
    answer = page.post("/clusters/import/", {"text": SEED})
    made = Cluster.objects.get(owner=alice)
    assert answer["Location"] == reverse("wizard-start", args=[made.pk])


def test_of_many_import_findings_a_few_are_shown_and_the_rest_counted(page: Client) -> None:
    rows = "".join(f"  - {{name: n{n}, address: 10.98.0.{n}, pasword: x}}\n" for n in range(1, 100))
    text = page.post("/clusters/import/", {"text": SEED.replace("  roleGroups:", f"{rows}  roleGroups:")}, follow=True)
    shown = text.content.decode().split('class="messages"')[1].split("</div>")[0]
    assert shown.count("<p ") == 6
    assert "Line 10: " in shown
    assert "94 more" in shown


def test_import_errors_have_line_and_column_and_the_text_stays(page: Client) -> None:
    answer = page.post("/clusters/import/", {"text": "spec:\n  hosts: [ {name: a\n"})
    assert answer.status_code == 422
    assert not Cluster.objects.exists()
    text = answer.content.decode()
    assert 'class="place"' in text
    assert "hosts: [ {name: a" in text


@pytest.mark.parametrize("text", ["", "   "])
def test_importing_nothing_asks_for_a_document(page: Client, text: str) -> None:
    answer = page.post("/clusters/import/", {"text": text})
    assert answer.status_code == 422
    assert "Paste a document or choose a file." in answer.content.decode()


def test_installing_starts_one_run_for_any_number_of_presses(page: Client, cluster: Cluster) -> None:
    address = reverse("cluster-install", args=[cluster.pk])
    first, second = page.post(address), page.post(address)
    run = Run.objects.get()
    assert first["Location"] == second["Location"] == reverse("run", args=[run.pk])


def test_a_document_that_cannot_be_installed_leads_back_to_the_review(page: Client, cluster: Cluster) -> None:
    cluster.document = SEED.replace("etcd: [node1]", "etcd: []").replace("master: [node1]", "master: []")
    cluster.save()
    answer = page.post(reverse("cluster-install", args=[cluster.pk]))
    assert answer["Location"] == reverse("wizard", args=[cluster.pk, "review"])
    assert not Run.objects.exists()


def test_deleting_requires_the_name(page: Client, cluster: Cluster) -> None:
    address = reverse("cluster-delete", args=[cluster.pk])
    page.post(address, {"name": "something else"})
    assert Cluster.objects.filter(pk=cluster.pk).exists()
    assert page.post(address, {"name": cluster.name})["Location"] == "/"
    assert not Cluster.objects.filter(pk=cluster.pk).exists()


def test_a_cluster_with_an_active_run_is_not_deleted(
    page: Client, cluster: Cluster, make_run: Callable[..., Run]
) -> None:
    make_run()
    page.post(reverse("cluster-delete", args=[cluster.pk]), {"name": cluster.name})
    assert Cluster.objects.filter(pk=cluster.pk).exists()


NODES = [
    {"name": "node1", "ready": True, "roles": ["control-plane"], "version": "v1.20.2"},
    {"name": "node2", "status": "NotReady", "roles": "worker"},
]


def test_nodes_are_shown_as_last_observed(page: Client, cluster: Cluster) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(nodes=NODES, nodes_seen_at=timezone.now())
    assert "1 of 2 ready" in page.get("/").content.decode()
    text = page.get(f"/clusters/{cluster.pk}/").content.decode()
    assert "control-plane" in text
    assert "Not ready" in text
    assert "data-stale" not in text


def test_what_was_observed_long_ago_is_shown_as_the_past(page: Client, cluster: Cluster) -> None:
    ago = timezone.now() - timedelta(minutes=14, seconds=5)
    Cluster.objects.filter(pk=cluster.pk).update(nodes=NODES, nodes_seen_at=ago, state="ready")
    for address, many in (("/", 2), (f"/clusters/{cluster.pk}/", 3)):
        text = page.get(address).content.decode()
        assert re.search(r"Last seen ready <time [^>]*>14 minutes ago", text), address
        assert text.count(" data-stale>") == many, "everything observed is marked as old"


def test_a_cluster_that_nobody_observed_is_not_called_ready(page: Client, cluster: Cluster) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(state="ready", nodes_seen_at=None)
    text = page.get("/").content.decode()
    assert text.count(" data-stale>") == 1
    assert "Not observed" in text


def test_a_name_full_of_markup_stays_text(page: Client, cluster: Cluster) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(name="<script>alert(1)</script>")
    for address in ("/", f"/clusters/{cluster.pk}/"):
        assert "<script>alert" not in page.get(address).content.decode()


def test_editors_get_the_schema_without_a_login(client: Client) -> None:
    answer = client.get("/schema/config-sample.json")
    assert answer.status_code == 200
    assert answer.json()["$schema"].startswith("https://json-schema.org/")


@pytest.mark.parametrize("dialect", ["v1alpha1", "v1alpha2", "v4"])
def test_the_document_comes_in_every_dialect(client: Client, alice: User, cluster: Cluster, dialect: str) -> None:
    client.force_login(alice)
    text = client.get(f"/clusters/{cluster.pk}/config.yaml?dialect={dialect}").content.decode()
    assert ("kind: Inventory" in text) == (dialect == "v4")
    assert "Qcloud@123" not in text


def test_after_a_cancelled_run_the_cluster_is_incomplete(
    client: Client, alice: User, cluster: Cluster, make_run: Callable[..., Run]
) -> None:
    begun = timezone.now() - timedelta(minutes=5)
    make_run(state="cancelled", started_at=begun, finished_at=begun + timedelta(seconds=161))
    Cluster.objects.filter(pk=cluster.pk).update(state="failed")
    client.force_login(alice)
    page = client.get(reverse("cluster", args=[cluster.pk])).content.decode()
    assert "Incomplete" in page
    assert "2 m 41 s" in page
    listed = client.get(reverse("clusters")).content.decode()
    assert "Incomplete" in listed
    assert ">Failed<" not in listed
