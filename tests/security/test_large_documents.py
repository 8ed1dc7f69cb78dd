"""Documents have size limits, so that a stored document does not block the pages of others."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db import connection

from clusters import services
from clusters.config import limits
from clusters.config.load import _load, load
from clusters.config.rules import check
from clusters.config.schema import Host
from clusters.config.secrets.finder import hidden_text
from clusters.config.topology import endpoint_address
from clusters.config.yaml.tree import read
from clusters.models import Cluster
from clusters.models.fields import EncryptedTextField
from tests.conftest import SEED
from tests.security.pumps import MOST_GROWTH, STRETCH, growth_of, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client

HEAD = "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Cluster\nmetadata: {name: a}\nspec:\n"
ONE = "  hosts: [{name: node1, address: 10.99.0.1}]\n"
MOST_SECONDS = 2.0
CROWD = 1000
"""Machines; what compares each with each other takes most of its time for that by then."""


def lines(text: str, count: int) -> str:
    """The same line with every number from 0 on."""
    return "".join(text.replace("#", str(number)) for number in range(count))


TOO_LARGE = {
    "limit.members": HEAD + ONE + "  roleGroups:\n    master:\n" + "    - node[1:9999]\n" * 2000,
    "limit.parts": SEED.replace("10.233.64.0/18", ",".join(["10.0.0.0/8"] * 80_000)),
    "limit.machines": HEAD + "  hosts:\n" + lines("  - {name: n#, address: 10.99.0.1}\n", 5001),
    "limit.entries": HEAD + ONE + "  roleGroups: {worker: [" + lines("n#, ", 40_000) + "]}\n",
    "limit.keys": HEAD + ONE + "  kubernetes:\n    kubeletConfiguration:\n" + lines("      k#: a\n", 5001),
    "yaml.too_many_values": HEAD + ONE + "  a: &a [" + "1, " * 1000 + "]\n  b: [" + "*a, " * 900 + "]\n",
}


@pytest.mark.parametrize("id", TOO_LARGE)
def test_a_document_with_more_than_one_may_have_is_refused_in_words(id: str) -> None:
    assert seconds(lambda: load(TOO_LARGE[id]), MOST_SECONDS) < MOST_SECONDS
    loaded = load(TOO_LARGE[id])
    finding = next(finding for finding in loaded.findings if finding.id == id)
    assert loaded.document is None
    assert finding.blocking and finding.line and finding.hint


def test_sections_with_many_entries_are_refused_although_each_list_is_short() -> None:
    rows = "[" + "{a: 1}, " * 3000 + "]"
    loaded = load(HEAD + ONE + lines(f"  x#: {rows}\n", 4))
    assert [finding.id for finding in loaded.findings] == ["limit.entries"]


def test_the_members_of_ranges_are_counted_without_naming_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.config.topology.expand", lambda item: pytest.fail(f"{item} was expanded"))
    document = load(HEAD + ONE + "  roleGroups: {master: ['node[1:9999]']}\n").document
    assert document is not None
    assert list(limits.exceeded(document)) == []


@pytest.mark.thorough
def test_the_largest_clusters_of_kubernetes_can_be_described() -> None:
    row = "  - {name: node#, address: 10.99.0.1, internalAddress: 10.99.0.1, user: deploy, password: pw}\n"
    groups = "  roleGroups: {etcd: ['node[0:2]'], master: ['node[0:2]'], worker: ['node[0:4999]']}\n"
    text = HEAD + "  hosts:\n" + lines(row, 5000) + groups
    document = load(text).document
    assert document is not None
    assert len(document.hosts) == limits.MOST_MACHINES
    assert seconds(lambda: (check(document), endpoint_address(document)), 10) < 10


def hosts(count: int) -> str:
    return HEAD + "  hosts:\n" + lines("  - {name: n#, address: 10.99.0.1}\n", count)


CROWDS: dict[str, Callable[[int], str]] = {
    "machines with one address where pods have two networks": lambda count: (
        hosts(count)
        + f"  roleGroups: {{master: [n1], worker: ['n[0:{count}]']}}\n"
        + "  network: {kubePodsCIDR: '10.0.0.0/8,fd00::/48', kubeServiceCIDR: '10.1.0.0/16,fd01::/108'}\n"
    ),
    "members without a machine": lambda count: (
        hosts(count) + "  roleGroups: {worker: [" + lines("stranger-#, ", 3 * count) + "]}\n"
    ),
    "keys that nobody knows": lambda count: (
        HEAD + "  hosts:\n" + lines("  - {name: n#, adress: a, pasword: b, usr: c, prt: d}\n", count)
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS)
def test_reading_and_judging_takes_time_in_proportion(crowd: Callable[[int], str]) -> None:
    def judged(text: str) -> None:
        read.cache_clear()
        document = _load.__wrapped__(text, 1_000_000, "").document
        assert document is not None
        check(document)

    few, many = crowd(CROWD // 2), crowd(CROWD // 2 * STRETCH)
    judged(crowd(1))
    short = min(seconds(lambda: judged(few), 60) for _ in range(3))
    long = min(seconds(lambda: judged(many), 60) for _ in range(3))
    assert long < MOST_GROWTH * short, f"{long:.2f} s, {short:.2f} s for a quarter"


@pytest.mark.thorough
@pytest.mark.parametrize("text", ["a", "a ", "a: ", "password: ", "a:'", "-", "# "])
def test_a_comment_twice_as_long_is_masked_in_about_twice_the_time(text: str) -> None:
    assert growth_of(lambda length: lambda: hidden_text((text * length)[:length])) < MOST_GROWTH


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, neither a document nor anything else that is encrypted may be read."""
    monkeypatch.setattr(EncryptedTextField, "from_db_value", lambda *_: pytest.fail("something was decrypted"))


def test_the_list_of_clusters_decrypts_and_reads_no_document(
    client: Client, admin: User, alice: User, request: pytest.FixtureRequest
) -> None:
    document = load(SEED).document
    for number in range(3):
        services.draft_create(actor=alice, name=f"c{number}", document=document)
    Cluster.objects.filter(name="c1").update(document=TOO_LARGE["limit.members"])
    client.force_login(admin)
    request.getfixturevalue("forbidden")
    text = client.get("/").content.decode()
    assert text.count("v1.20.2") == text.count("10.99.0.1:6443") == text.count("3 machines") == 3


def test_the_list_takes_as_many_queries_for_many_clusters_as_for_one(
    client: Client, alice: User, django_assert_num_queries: Any
) -> None:
    client.force_login(alice)
    services.draft_create(actor=alice, name="c0", document=load(SEED).document)
    client.get("/")  # notes once a minute that the session is used
    taken = _queries(client)
    for number in range(5):
        services.draft_create(actor=alice, name=f"c{number + 1}", document=load(SEED).document)
    with django_assert_num_queries(taken):
        client.get("/")


def _queries(client: Client) -> int:
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        client.get("/")
    return len(asked)


def test_a_cluster_with_an_oversized_document_can_be_opened_and_deleted(
    client: Client, cluster: Cluster, alice: User
) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(document=TOO_LARGE["limit.members"])
    client.force_login(alice)
    assert "cannot be read" in client.get(f"/clusters/{cluster.pk}/").content.decode()
    client.post(f"/clusters/{cluster.pk}/delete/", {"name": cluster.name})
    assert not Cluster.objects.filter(pk=cluster.pk).exists()


def test_saving_writes_what_the_list_shows(cluster: Cluster, alice: User) -> None:
    document = services.document_of(cluster)
    fresh = document.model_copy(update={"hosts": document.hosts[:2]})
    saved = services.draft_update(actor=alice, cluster=cluster, document=fresh, version=cluster.version)
    assert (saved.kubernetes_version, saved.endpoint, saved.machine_count) == ("v1.20.2", "10.99.0.1:6443", 2)


def test_a_draft_that_could_not_be_opened_again_is_not_saved(cluster: Cluster, alice: User) -> None:
    document = services.document_of(cluster)
    crowd = tuple(Host(name=f"n{number}", address="10.99.0.1") for number in range(limits.MOST_MACHINES + 1))
    with pytest.raises(services.DraftUnreadable, match="5,001 machines; at most 5,000") as refused:
        services.draft_update(
            actor=alice, cluster=cluster, document=document.model_copy(update={"hosts": crowd}), version=cluster.version
        )
    assert refused.value.hint
    cluster.refresh_from_db()
    assert services.document_of(cluster) == document


def test_an_import_that_stands_for_more_than_a_draft_may_hold_is_refused(alice: User) -> None:
    text = HEAD + ONE + "  a: &a " + "x" * 100_000 + "\n  b: [" + "*a, " * 20 + "]\n"
    made, findings = services.draft_import(actor=alice, text=text)
    assert made is None
    assert [finding.id for finding in findings if finding.blocking] == ["yaml.too_large"]


def test_the_columns_of_stored_clusters_are_filled_in_once(cluster: Cluster) -> None:
    empty = {"kubernetes_version": "", "endpoint": "", "machine_count": 0}
    Cluster.objects.filter(pk=cluster.pk).update(**empty)
    other = Cluster.objects.create(name="other", document=TOO_LARGE["limit.members"])
    fill = importlib.import_module("clusters.migrations.0008_listed_columns").fill
    fill(apps, SimpleNamespace(connection=connection))
    cluster.refresh_from_db()
    other.refresh_from_db()
    assert (cluster.kubernetes_version, cluster.endpoint, cluster.machine_count) == ("v1.20.2", "10.99.0.1:6443", 3)
    assert (other.kubernetes_version, other.endpoint, other.machine_count) == ("", "", 0)
