"""The page of downloads lists what each format would lose; KubeKey 4 gets its two files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from django.urls import reverse

from clusters.config.dialects.fit import fitted, what_does_not_fit
from clusters.config.load import load
from clusters.models import AuditEntry
from clusters.services import document_of
from tests.conftest import SEED

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from clusters.models import Cluster

SECRETS = ("Qcloud@123", "Testing123")
MORE = "  system: {timezone: Europe/Berlin, debs: [htop]}\n"


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def test_the_page_lists_what_each_format_would_lose(page: Client, cluster: Cluster) -> None:
    cluster.document = SEED + MORE
    cluster.save()
    text = page.get(reverse("cluster-export", args=[cluster.pk])).content.decode()
    sections = {
        name: text.split(f'id="as-{name}"')[1].split("</section>")[0] for name in ("v1alpha2", "v4", "v1alpha1")
    }
    for name, section in sections.items():
        losses = what_does_not_fit(document_of(cluster), name)
        assert [f'data-path="{each.path}"' in section for each in losses] == [True] * len(losses)
        assert section.count("data-path=") == len(losses)
    assert 'data-path="spec.system"' in sections["v1alpha1"]
    assert 'data-path="spec.system.debs"' in sections["v4"]
    assert not any(secret in text for secret in SECRETS)


def test_the_page_of_a_file_of_kubekey_4_names_a_lost_key_of_a_machine(page: Client, cluster: Cluster) -> None:
    case = Path(__file__).parents[1] / "config" / "cases" / "v4_keys_of_machines.yaml"
    cluster.document = case.read_text(encoding="utf-8")
    cluster.save()
    answer = page.get(reverse("cluster-export", args=[cluster.pk]))
    assert answer.status_code == 200
    section = answer.content.decode().split('id="as-v1alpha1"')[1].split("</section>")[0]
    assert 'data-path="inventory.hosts.slate.connector.type"' in section


def test_the_file_in_its_own_dialect_is_offered_as_written(page: Client, cluster: Cluster) -> None:
    text = page.get(reverse("cluster-export", args=[cluster.pk])).content.decode()
    own = load(cluster.document).dialect
    for section in text.split("<section")[1:]:
        assert ("as written" in section) == (f'id="as-{own}"' in section)


def test_other_users_do_not_learn_that_a_cluster_exists(client: Client, bob: User, cluster: Cluster) -> None:
    client.force_login(bob)
    assert client.get(reverse("cluster-export", args=[cluster.pk])).status_code == 404


def test_kubekey_4_gets_its_two_files(page: Client, cluster: Cluster) -> None:
    address = reverse("cluster-config", args=[cluster.pk])
    given = {"secrets": "show", "dialect": "v4"}
    inventory, config = (
        page.post(address, {**given, "part": part}).content.decode() for part in ("inventory.yaml", "config.yaml")
    )
    assert [yaml.safe_load(text)["kind"] for text in (inventory, config)] == ["Inventory", "Config"]
    assert load(f"{inventory}---\n{config}").document == fitted(document_of(cluster), "v4")
    details = [entry.details for entry in AuditEntry.objects.filter(deed="config.export")]
    assert {each["part"] for each in details} == {"inventory.yaml", "config.yaml"}
    masked = page.get(address, {"dialect": "v4", "part": "inventory.yaml", "secrets": "show"})
    assert not any(secret in masked.content.decode() for secret in SECRETS)
    assert "inventory.yaml" in masked["Content-Disposition"]


@pytest.mark.parametrize("query", [{"dialect": "v4", "part": "other.yaml"}, {"part": "config.yaml"}])
def test_a_file_that_the_dialect_lacks_is_not_found(page: Client, cluster: Cluster, query: dict[str, str]) -> None:
    assert page.get(reverse("cluster-config", args=[cluster.pk]), query).status_code == 404


def test_an_unreadable_document_leads_back_with_a_message(page: Client, cluster: Cluster) -> None:
    cluster.document = "kind: [Cluster"
    cluster.save()
    answer = page.get(reverse("cluster-export", args=[cluster.pk]), follow=True)
    assert answer.redirect_chain[-1][0] == reverse("cluster", args=[cluster.pk])
    assert "note-error" in answer.content.decode()


@pytest.mark.parametrize("name", ["cluster", "wizard"])
def test_the_pages_of_a_cluster_lead_to_it(page: Client, cluster: Cluster, name: str) -> None:
    address = reverse(name, args=[cluster.pk, "review"] if name == "wizard" else [cluster.pk])
    assert reverse("cluster-export", args=[cluster.pk]) in page.get(address).content.decode()
