"""Open pages notice when their session ends, or when a user signs in in another tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from clusters.models import Cluster

PARTS = ["wizard-probes", "wizard-checks", "wizard-scan-table"]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_a_page_is_not_replaced_by_the_sign_in_page(client: Client, cluster: Cluster, part: str) -> None:
    address = reverse(part, args=[cluster.pk])
    answer = client.get(address, headers={"HX-Request": "true"})
    assert answer.status_code == 401 and answer.content == b""
    assert client.get(address).status_code == 302, "a person is led to the sign-in page"


def test_a_save_without_a_session_fails(client: Client, cluster: Cluster) -> None:
    address = reverse("wizard", args=[cluster.pk, "kubernetes"])
    answer = client.post(address, {"draft_version": 1, "name": "typed"}, headers={"HX-Request": "true"}, follow=True)
    assert answer.status_code == 401


def test_a_form_with_an_outdated_token_gets_the_new_one(alice: User, cluster: Cluster) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    told = browser.get(reverse("page-token"), headers={"HX-Request": "true"}).json()
    assert told["user"] == str(alice.pk)
    address = reverse("wizard", args=[cluster.pk, "endpoint"])
    typed = {"draft_version": 1, "kind": "none", "domain": "typed.example", "port": "6443"}
    stale = browser.post(address, typed, headers={"HX-Request": "true", "X-CSRFToken": "a" * 64})
    assert stale.status_code == 403 and stale.headers["X-Token-Refused"] == "yes"
    assert "the page was out of date" in stale.content.decode()
    fresh = browser.post(address, typed, headers={"HX-Request": "true", "X-CSRFToken": told["token"]})
    assert fresh.status_code == 200


def test_clients_without_a_login_get_no_token(client: Client, db: None) -> None:
    assert client.get(reverse("page-token"), headers={"HX-Request": "true"}).status_code == 401
    assert client.get(reverse("page-token")).status_code == 302
