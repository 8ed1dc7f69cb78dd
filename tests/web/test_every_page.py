"""Every page of the site, as an administrator and as staff: none shows another user's object without an entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin as site
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from clusters.engine.recipe import DEFAULT
from clusters.models import AuditEntry, Cluster, Credential, HostKey, Notice, Run
from clusters.wizard.core.flow import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]

MARK = "alices-harbour"
"""In the name of everything that is Alice's."""
LISTS = {"/", "/credentials/", "/admin/", "/admin/clusters/", "/audit/"}
"""Pages with names only: the objects are opened on separate pages."""
OPENED = ("cluster.open", "credential.open")
SPELLINGS = ("{}", "+{}", " {}", "{} ", "{}.0", "0{}")
"""How the admin can be given a key, apart from its own way with underscores."""


@pytest.fixture
def objects(alice: User, cluster: Cluster, make_run: Callable[..., Run]) -> dict[type, Any]:
    """One of Alice's objects of each kind."""
    Cluster.objects.filter(pk=cluster.pk).update(name=MARK)
    cluster.refresh_from_db()
    run = make_run(state="failed", finished_at=timezone.now(), message=MARK)
    key = {"key_type": "ssh-ed25519", "key": "QUJD", "fingerprint": "SHA256:abc"}
    return {
        Cluster: cluster,
        Run: run,
        Credential: Credential.objects.create(name=MARK, owner=alice, password="s3cret-s3cret"),
        HostKey: HostKey.objects.create(cluster=cluster, address=MARK, **key),
        Notice: Notice.objects.create(run=run, way="mail", key="abc"),
    }


def routes(resolver: Any, before: str = "") -> Iterator[str]:
    for each in resolver.url_patterns:
        path = before + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from routes(each, path)
        else:
            yield path


def filled_in(objects: dict[type, Any]) -> Iterator[str]:
    """Every address of the site, with Alice's objects where it needs one."""
    keys = {"clusters": Cluster, "runs": Run, "credentials": Credential}
    admins = {f"admin/clusters/{model._meta.model_name}/": model for model in site.site._registry}
    for route in routes(get_resolver()):
        kind = keys.get(route.partition("/")[0])
        route = route.replace("<int:pk>", str(objects[kind].pk) if kind else "1")
        route = route.replace("<slug:name>", DEFAULT)
        places = [route.replace("<slug:slug>", page.slug) for page in pages()] if "<slug:slug>" in route else [route]
        shown = next((model for start, model in admins.items() if route.startswith(start)), None)
        if "<path:object_id>" in route and shown in objects:
            places = [route.replace("<path:object_id>", spell.format(objects[shown].pk)) for spell in SPELLINGS]
        yield from (f"/{place}" for place in places if "<" not in place and "(?P" not in place)


def is_list(address: str) -> bool:
    """Whether it is a page with names only."""
    parts = address.strip("/").split("/")
    return address in LISTS or address.startswith("/audit/") or (parts[:2] == ["admin", "clusters"] and len(parts) == 3)


def shows_without_entry(user: User, address: str) -> bool | None:
    """Whether something of Alice's is shown without an audit entry; None when nothing is shown."""
    browser = Client()
    browser.force_login(user)  # a separate session, so that each page has a separate entry
    before = AuditEntry.objects.filter(deed__in=OPENED).count()
    answer = browser.get(address, follow=True)
    if answer.status_code == 405:
        answer = browser.post(address, {"layout": "all-in-one", "name": "x"}, follow=True)
    wrote = AuditEntry.objects.filter(deed__in=OPENED).count() > before
    if is_list(answer.request["PATH_INFO"]):  # where a form leads to
        return None
    is_file = answer.streaming or "attachment" in answer.get("Content-Disposition", "")
    if not is_file and MARK.encode() not in answer.content:
        return None
    return not wrote


@pytest.mark.thorough
def test_pages_audit_administrators_who_open_others_objects(admin: User, objects: dict[type, Any]) -> None:
    every = [each for each in dict.fromkeys(filled_in(objects)) if not is_list(each) and "logout" not in each]
    shown = {address: shows_without_entry(admin, address) for address in every}
    assert [address for address, silent in shown.items() if silent] == []
    seen = [address for address, silent in shown.items() if silent is False]
    for start, least in (("/clusters/", 15), ("/runs/", 10), ("/credentials/", 1), ("/admin/clusters/", 40)):
        assert len([address for address in seen if address.startswith(start)]) >= least, (start, seen)


@pytest.mark.thorough
def test_the_admin_audits_staff_who_open_others_objects(bob: User, objects: dict[type, Any]) -> None:
    bob.is_staff = True
    bob.save()
    bob.user_permissions.set(Permission.objects.filter(content_type__app_label="clusters"))
    every = [each for each in filled_in(objects) if each.startswith("/admin/clusters/") and not is_list(each)]
    shown = {address: shows_without_entry(bob, address) for address in every}
    assert [address for address, silent in shown.items() if silent] == []
    assert len([address for address, silent in shown.items() if silent is False]) >= 40
    assert set(AuditEntry.objects.filter(deed="cluster.open").values_list("actor_name", flat=True)) == {"bob"}


@pytest.mark.thorough
def test_a_refusal_in_the_admin_is_not_an_opening(bob: User, objects: dict[type, Any]) -> None:
    bob.is_staff = True
    bob.save()
    for address in filled_in(objects):
        if address.startswith("/admin/clusters/"):
            assert shows_without_entry(bob, address) is None, address
    assert not AuditEntry.objects.filter(deed="cluster.open").exists()


def test_an_owner_who_is_staff_opens_their_own_without_an_entry(alice: User, objects: dict[type, Any]) -> None:
    alice.is_staff = True
    alice.save()
    alice.user_permissions.set(Permission.objects.filter(content_type__app_label="clusters"))
    assert shows_without_entry(alice, f"/admin/clusters/cluster/{objects[Cluster].pk}/change/")
    assert not AuditEntry.objects.filter(deed="cluster.open").exists()
