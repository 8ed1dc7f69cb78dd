"""Secrets are disclosed only if the password was confirmed within ten minutes, and only by POST."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import reverse

from clusters.models import AuditEntry, Cluster
from clusters.web import passwords

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db

RIGHT = "alice-likes-ships"
SHOWN = "cluster-config", {"secrets": "show"}
KUBECONFIG: tuple[str, dict[str, str]] = ("cluster-kubeconfig", {})


@pytest.fixture
def page(client: Client, alice: User, cluster: Cluster) -> Client:
    Cluster.objects.filter(pk=cluster.pk).update(kubeconfig="kind: Config\n")
    client.force_login(alice)
    return client


def grow_old(client: Client, seconds: float) -> None:
    session = client.session
    session["password_given_at"] = time.time() - seconds
    session.save()


def ask(client: Client, cluster: Cluster, wanted: tuple[str, dict[str, str]], **headers: str) -> Response:
    return client.post(reverse(wanted[0], args=[cluster.pk]), wanted[1], headers=headers)


def is_file(answer: Response) -> bool:
    return answer.status_code == 200 and "attachment" in answer.get("Content-Disposition", "")


@pytest.mark.parametrize("header", ["Referer", "HX-Current-URL"])
def test_an_invalid_address_is_not_a_return_page(page: Client, cluster: Cluster, header: str) -> None:
    grow_old(page, 10 * 60 + 1)
    answer = ask(page, cluster, SHOWN, **{header: "http://["})
    assert answer["Location"] == f"{reverse('password-again')}?next=%2F"


@pytest.mark.parametrize("wanted", [SHOWN, KUBECONFIG], ids=["export with secrets", "kubeconfig"])
def test_secrets_leave_within_ten_minutes_of_the_password_and_then_ask_for_it(
    page: Client, cluster: Cluster, wanted: tuple[str, dict[str, str]]
) -> None:
    assert is_file(ask(page, cluster, wanted))
    grow_old(page, 9 * 60)
    assert is_file(ask(page, cluster, wanted))
    grow_old(page, 10 * 60 + 1)
    before = AuditEntry.objects.count()
    answer = ask(page, cluster, wanted, referer=f"http://testserver/clusters/{cluster.pk}/")
    assert answer["Location"] == f"{reverse('password-again')}?next=%2Fclusters%2F{cluster.pk}%2F"
    assert AuditEntry.objects.count() == before
    given = page.post(answer["Location"], {"password": RIGHT, "next": f"/clusters/{cluster.pk}/"})
    assert given["Location"] == f"/clusters/{cluster.pk}/"
    assert is_file(ask(page, cluster, wanted))


def test_a_session_that_never_had_the_password_is_asked_for_it(page: Client, cluster: Cluster) -> None:
    session = page.session
    del session["password_given_at"]
    session.save()
    assert not is_file(ask(page, cluster, KUBECONFIG))


def test_a_time_to_come_does_not_count(page: Client, cluster: Cluster) -> None:
    grow_old(page, -3600)
    assert not is_file(ask(page, cluster, KUBECONFIG))


def test_a_wrong_password_changes_nothing(page: Client, cluster: Cluster) -> None:
    grow_old(page, 3600)
    answer = page.post(reverse("password-again"), {"password": "wrong"})
    assert "Wrong password." in answer.content.decode()
    assert not is_file(ask(page, cluster, KUBECONFIG))


def test_what_is_masked_needs_no_password(page: Client, cluster: Cluster) -> None:
    grow_old(page, 3600)
    answer = page.get(reverse("cluster-config", args=[cluster.pk]))
    assert is_file(answer)
    assert "Qcloud@123" not in answer.content.decode()


@pytest.mark.parametrize("method", ["get", "head"])
def test_no_link_fetches_a_kubeconfig(page: Client, cluster: Cluster, method: str) -> None:
    assert getattr(page, method)(reverse("cluster-kubeconfig", args=[cluster.pk])).status_code == 405


def test_a_part_of_a_page_leads_the_whole_page_there(page: Client, cluster: Cluster) -> None:
    grow_old(page, 3600)
    current = {"HX-Request": "true", "HX-Current-URL": f"http://testserver/runs/7/?tab={cluster.pk}"}
    answer = ask(page, cluster, KUBECONFIG, **current)
    assert answer["HX-Redirect"].endswith(f"?next=%2Fruns%2F7%2F%3Ftab%3D{cluster.pk}")


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_the_page_does_not_lead_out_of_the_house(page: Client, elsewhere: str) -> None:
    answer = page.post(reverse("password-again"), {"password": RIGHT, "next": elsewhere})
    assert answer["Location"] == "/"


def test_another_page_can_use_the_same_guard(page: Client, alice: User) -> None:
    @passwords.password_again
    def credential(request: HttpRequest, pk: int) -> HttpResponse:
        return HttpResponse(f"secret {pk}")

    request = RequestFactory().get("/credentials/7/?show=yes")
    request.user, request.session = alice, page.session
    secret = credential(request, pk=7)
    assert isinstance(secret, HttpResponse) and secret.content == b"secret 7"
    grow_old(page, 3600)
    request.session = page.session
    answer = credential(request, pk=7)
    assert answer["Location"] == f"{reverse('password-again')}?next=%2Fcredentials%2F7%2F%3Fshow%3Dyes"
