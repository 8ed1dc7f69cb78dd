"""The credential pages: create, rotate, share, remove, and choose one for many machines at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from clusters import services
from clusters.models import AuditEntry, Credential
from tests.remote.auth.test_keys import ED25519, OPENSSH, pem

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from clusters.models import Cluster

PASSWORD = "correct-horse-7431"
KEY = pem(ED25519, OPENSSH)
LOCKED = pem(ED25519, OPENSSH, "open sesame")


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def make(page: Client, **fields: Any) -> Any:
    """Submit the form of a new credential."""
    return page.post(reverse("credential-new"), {"name": "prod", "login": "deploy", **fields})


def test_a_credential_is_created_listed_and_never_shown(page: Client, bob: User) -> None:
    assert "No credentials yet" in page.get(reverse("credentials")).content.decode()
    answer = make(page, password=PASSWORD, users="bob", networks="10.0.0.0/24")
    assert answer.status_code == 302
    credential = Credential.objects.get()
    assert (credential.login, credential.password, [*credential.users.all()]) == ("deploy", PASSWORD, [bob])
    for address in (reverse("credentials"), reverse("credential", args=[credential.pk])):
        text = page.get(address).content.decode()
        assert "prod" in text and "bob" in text and "10.0.0.0/24" in text and PASSWORD not in text
    assert AuditEntry.objects.get(deed="credential.create").details == {"users": ["bob"]}


def test_a_key_is_uploaded_with_its_passphrase(page: Client) -> None:
    wrong = make(page, key_file=SimpleUploadedFile("id", LOCKED.encode()), passphrase="open barley")
    assert wrong.status_code == 422 and "passphrase does not unlock" in wrong.content.decode()
    assert "open barley" not in wrong.content.decode() and not Credential.objects.exists()
    assert make(page, key_file=SimpleUploadedFile("id", LOCKED.encode()), passphrase="open sesame").status_code == 302
    assert Credential.objects.get().private_key.strip() == LOCKED.strip()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "A name may have letters"),
        ({"name": "a b", "password": "x"}, "A name may have letters"),
        ({"name": "../x", "password": "x"}, "A name may have letters"),
        ({}, "Enter a password or a private key"),
        ({"private_key": "ssh-ed25519 AAAA me"}, "is a public key"),
        ({"private_key": LOCKED}, "protected by a passphrase"),
        ({"password": "x", "login": "-o ProxyCommand"}, "is not a valid user name"),
        ({"password": "x", "login": "a@b"}, "is not a valid user name"),
        ({"password": "x", "networks": "10.0.0.0/24, office"}, "neither an address nor a network"),
        ({"password": "x", "users": "mallory"}, "User mallory does not exist"),
        ({"key_file": SimpleUploadedFile("id", b"x" * 70_000)}, "at most 64 KB"),
        ({"key_file": SimpleUploadedFile("id", b"\xff\xfe")}, "the file is not text"),
    ],
)
def test_invalid_values_are_reported_beside_their_field(page: Client, fields: dict[str, Any], message: str) -> None:
    answer = make(page, **fields)
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not Credential.objects.exists()


def test_a_name_that_is_taken_is_refused(page: Client, client: Client, bob: User) -> None:
    make(page, password=PASSWORD)
    client.force_login(bob)
    assert "This name is taken" in make(client, password="else").content.decode()
    assert Credential.objects.get().password == PASSWORD


def test_empty_fields_keep_values_and_a_new_key_replaces_the_old(page: Client) -> None:
    make(page, private_key=LOCKED, passphrase="open sesame", password=PASSWORD)
    address = reverse("credential", args=[Credential.objects.get().pk])
    page.post(address, {"login": "ops", "networks": ""})
    found = Credential.objects.get()
    assert (found.login, found.password, found.passphrase, found.version) == ("ops", PASSWORD, "open sesame", 2)
    page.post(address, {"login": "ops", "private_key": KEY})
    found = Credential.objects.get()
    assert (found.private_key.strip(), found.passphrase, found.version) == (KEY.strip(), "", 3)
    assert AuditEntry.objects.filter(deed="credential.change")[0].details == {"changed": ["passphrase", "private_key"]}
    page.post(address, {"login": "ops", "forget_password": "on"})
    assert Credential.objects.get().password == ""
    assert page.post(address, {"login": "ops", "forget_key": "on"}).status_code == 422
    assert Credential.objects.get().private_key


def test_sharing_changes_together_with_other_fields(page: Client, bob: User) -> None:
    make(page, password=PASSWORD)
    credential = Credential.objects.get()
    address = reverse("credential", args=[credential.pk])
    shown = page.get(address).content.decode()
    assert shown.count("<form") == 3, "signing out, the credential, and its removal: nothing typed is in another form"
    page.post(address, {"login": "ops", "users": "bob", "password": "another-horse-1"})
    assert [*credential.users.all()] == [bob]
    assert Credential.objects.get().password == "another-horse-1"
    wrong = page.post(address, {"login": "ops", "users": "bob, nobody-here", "password": "lost-horse-2"})
    text = wrong.content.decode()
    assert wrong.status_code == 422 and "User nobody-here does not exist" in text
    assert "Type it again: it was not saved" in text and "lost-horse" not in text
    unreadable = page.post(address, {"login": "ops", "users": "bob\0"})
    assert unreadable.status_code == 422 and [*credential.users.all()] == [bob]
    page.post(address, {"login": "ops"})
    assert [*credential.users.all()] == [bob], "a form without the list leaves it"
    page.post(address, {"login": "ops", "users": ""})
    assert not credential.users.exists()
    assert Credential.objects.get().password == "another-horse-1"


def test_it_is_removed_after_typing_its_name(page: Client) -> None:
    make(page, password=PASSWORD)
    address = reverse("credential-delete", args=[Credential.objects.get().pk])
    page.post(address, {"name": "prof"})
    assert Credential.objects.exists()
    page.post(address, {"name": "prod"})
    assert not Credential.objects.exists()


def test_other_users_see_none_and_users_of_it_cannot_change_it(page: Client, client: Client, bob: User) -> None:
    make(page, password=PASSWORD)
    credential = Credential.objects.get()
    assert credential.owner is not None
    client.force_login(bob)
    pages = [reverse(name, args=[credential.pk]) for name in ("credential", "credential-delete")]
    choices: list[list[str]] = [[], ["bob"]]
    for users in choices:
        services.credential_share(actor=credential.owner, credential=credential, users=users)
        assert ('break">prod<' in client.get(reverse("credentials")).content.decode()) is bool(users)
        assert [client.post(address, {"name": "prod"}).status_code for address in pages] == [404, 404]
    client.logout()
    assert client.get(reverse("credentials")).status_code == 302


def test_it_is_chosen_for_many_machines_at_once(page: Client, cluster: Cluster) -> None:
    address = reverse("wizard-login", args=[cluster.pk])
    assert 'value="credential"' not in page.get(f"{address}?row=0:node1").content.decode()
    make(page, password=PASSWORD)
    assert 'value="credential"' in page.get(f"{address}?row=0:node1").content.decode()
    sent = {"draft_version": cluster.version, "row": ["0:node1", "1:node2"], "kind": "credential"}
    assert page.post(address, {**sent, "credential": "other"}).status_code == 422
    assert "Choose a credential." in page.post(address, {**sent, "credential": ""}).content.decode()
    page.post(address, {**sent, "credential": "prod"})
    cluster.refresh_from_db()
    document = services.document_of(cluster)
    assert [host.credential for host in document.hosts] == ["prod", "prod", ""]
    assert [bool(host.password) for host in document.hosts] == [False, False, True]
    shown = page.get(reverse("wizard", args=[cluster.pk, "machines"])).content.decode()
    assert 'placeholder="credential prod"' in shown
    back = {"draft_version": cluster.version, "row": "0:node1", "kind": "password", "password": "own"}
    page.post(address, back)
    cluster.refresh_from_db()
    assert services.document_of(cluster).hosts[0].credential == ""


def test_lines_that_are_added_get_it_where_they_have_no_login(page: Client, cluster: Cluster) -> None:
    make(page, password=PASSWORD)
    lines = "name,address,password\nnode7,10.99.0.7,\nnode8,10.99.0.8,own\n"
    sent = {"draft_version": cluster.version, "text": lines, "credential": "prod", "action": "take"}
    page.post(reverse("wizard-add", args=[cluster.pk]), sent)
    cluster.refresh_from_db()
    hosts = {host.name: host for host in services.document_of(cluster).hosts}
    assert (hosts["node7"].credential, hosts["node8"].credential) == ("prod", "")


def test_the_editor_shows_the_name_of_a_credential(page: Client, cluster: Cluster) -> None:
    make(page, password=PASSWORD)
    document = services.document_of(cluster)
    host = document.hosts[0].model_copy(update={"password": None, "credential": "prod"})
    fresh = document.model_copy(update={"hosts": (host, *document.hosts[1:])})
    services.draft_update(actor=cluster.owner, cluster=cluster, version=cluster.version, document=fresh)
    assert "credential: prod" in page.get(reverse("wizard", args=[cluster.pk, "machines"])).content.decode()


def test_a_key_is_uploaded_into_a_document(page: Client, cluster: Cluster) -> None:
    sent = {"draft_version": cluster.version, "row": "0:node1", "kind": "key"}
    page.post(reverse("wizard-login", args=[cluster.pk]), {**sent, "key_file": SimpleUploadedFile("id", KEY.encode())})
    cluster.refresh_from_db()
    key = services.document_of(cluster).hosts[0].private_key
    assert key is not None and key.reveal().strip() == KEY.strip()
