"""Texts that run as root are shown with masked secrets, unless the password was confirmed within ten minutes."""

from __future__ import annotations

import base64
import html
import io
import time
import zipfile
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.urls import reverse

from clusters import services
from clusters.config.load import load
from clusters.config.root_texts import root_texts, with_masks
from clusters.config.secret import MASK
from clusters.models import AuditEntry, Cluster, Run
from clusters.services.acknowledgements import sealed
from tests.conftest import SEED
from tests.security.test_secrets_again import RIGHT, grow_old

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

    from clusters.config.root_texts import RootText

pytestmark = pytest.mark.django_db

SECRETS = ("hunter2-9431", "wolf-token-5512", "owl-pass-7741", "fox-key-8823", "Qcloud@123", "bat-pass-6604")
FILE = base64.b64encode(f"echo of the file\nexport DB_PASSWORD={SECRETS[2]}\n".encode()).decode()
ROOT = f"""\
  system:
    preInstall:
    - name: prepare
      bash: |
        echo of the script
        sshpass -p {SECRETS[0]} ssh admin@10.0.0.9 true
        curl -H "Authorization: Bearer {SECRETS[1]}" https://x.example
        echo {SECRETS[4]}
      materials: ['data:tool.sh;base64,{FILE}']
    postInstall:
    - {{bash: echo nothing secret}}
  dns:
    nodeEtcHosts: "10.66.6.6 hub.example # password: {SECRETS[5]}"
  etcd: {{type: kubekey, extraArgs: [ETCD_ROOT_PASSWORD={SECRETS[3]}]}}
"""


@pytest.fixture
def imported(alice: User) -> Cluster:
    cluster, findings = services.draft_import(actor=alice, text=SEED + ROOT)
    assert cluster is not None, findings
    return cluster


@pytest.fixture
def visitor(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def section(client: Client, cluster: Cluster) -> str:
    text = client.get(reverse("wizard", args=[cluster.pk, "review"])).content.decode()
    return html.unescape(text.split('id="root-texts"')[1].split("</section>")[0])


def acknowledge(client: Client, cluster: Cluster, path: str) -> str:
    document = load(cluster.document).document
    assert document is not None
    digest = next(text.digest for text in root_texts(document) if text.path == path)
    address = reverse("wizard-acknowledge", args=[cluster.pk])
    return client.post(address, {"digest": digest})["Location"]


def test_secrets_in_them_are_shown_after_the_password_and_masked_later(visitor: Client, imported: Cluster) -> None:
    shown = section(visitor, imported)
    assert all(secret in shown for secret in SECRETS) and MASK not in shown
    grow_old(visitor, 10 * 60 + 1)
    shown = section(visitor, imported)
    assert [secret for secret in SECRETS if secret in shown] == []
    for part in ("echo of the script", f"sshpass -p {MASK} ssh admin@10.0.0.9", "echo of the file", "hub.example"):
        assert part in shown
    assert f"ETCD_ROOT_PASSWORD={MASK}" in shown and "echo nothing secret" in shown
    asked = reverse("password-again")
    assert shown.count(f'href="{asked}?next=') == 3, "where something is masked, the password is asked for"
    visitor.post(asked, {"password": RIGHT})
    assert all(secret in section(visitor, imported) for secret in SECRETS)


def test_no_hash_lets_anybody_guess_what_a_mask_hides(visitor: Client, imported: Cluster) -> None:
    grow_old(visitor, 10 * 60 + 1)
    document = load(imported.document).document
    assert document is not None
    shown = section(visitor, imported)
    for text, masked in with_masks(document):
        hides = masked.text != text.text or masked.files != text.files
        assert (text.digest[:12] in shown) != hides, text.path
        assert not any(file.sha256[:12] in shown for file in text.files)


def test_a_text_with_masks_is_acknowledged_only_after_the_password(
    visitor: Client, imported: Cluster, alice: User
) -> None:
    grow_old(visitor, 10 * 60 + 1)
    assert acknowledge(visitor, imported, "spec.system.preInstall.0").startswith(reverse("password-again"))
    assert Cluster.objects.get().acknowledged_texts == []
    review = reverse("wizard", args=[imported.pk, "review"])
    assert acknowledge(visitor, imported, "spec.system.postInstall.0") == review
    visitor.post(reverse("password-again"), {"password": RIGHT})
    assert acknowledge(visitor, imported, "spec.system.preInstall.0") == review
    assert len(Cluster.objects.get().acknowledged_texts) == 2
    grow_old(visitor, 10 * 60 + 1)
    shown = section(visitor, imported)
    assert shown.count("Acknowledged by alice") == 2 and SECRETS[0] not in shown


def hashes_of(text: RootText) -> set[str]:
    """What is computed from the text without a key, with nothing else unknown than the secret."""
    return {text.digest, *(file.sha256 for file in text.files)}


def test_no_hash_of_a_text_with_secrets_is_written_down(imported: Cluster, alice: User) -> None:
    document = load(imported.document).document
    assert document is not None
    for text in root_texts(document):
        assert services.text_acknowledge(actor=alice, cluster=imported, digest=text.digest)
    run = services.run_start(actor=alice, cluster=Cluster.objects.get(), acknowledge_all=True)
    entries = {entry.details["path"]: entry.details for entry in AuditEntry.objects.filter(deed="text.acknowledge")}
    rows = [Cluster.objects.get().acknowledged_texts, run.acknowledged_texts]
    rows += [list(AuditEntry.objects.values()), list(Run.objects.values("plan", "message", "acknowledged"))]
    file = io.BytesIO()
    services.run_bundle(actor=alice, run=run)(file)
    with zipfile.ZipFile(file) as archive:
        bundle = [archive.read(name) for name in archive.namelist()]
    for text, masked in with_masks(document):
        hides = masked.text != text.text or masked.files != text.files or SECRETS[4] in text.text
        assert (entries[text.path].get("sha256") == text.digest) != hides == ("hmac" in entries[text.path])
        assert not hides or not any(each in f"{rows}{bundle}" for each in hashes_of(text))
    assert len(entries) == 4


def test_the_same_text_with_secrets_has_the_same_hash_in_each_entry(
    imported: Cluster, alice: User, admin: User, settings: Settings
) -> None:
    document = load(imported.document).document
    assert document is not None
    digest = root_texts(document)[0].digest
    for actor in (alice, admin):
        assert services.text_acknowledge(actor=actor, cluster=imported, digest=digest)
    one, other = (entry.details["hmac"] for entry in AuditEntry.objects.filter(deed="text.acknowledge"))
    assert one == other == sealed(digest)
    settings.SECRET_KEY = "another-key-of-the-server" * 3
    assert sealed(digest) != one, "who has not the key cannot compute it"


def test_acknowledgements_from_before_count_on_without_their_hash(imported: Cluster, alice: User) -> None:
    texts = services.texts_unread(actor=alice, cluster=imported)
    old = [{"digest": text.digest, "path": text.path, "by": "alice", "by_id": alice.pk, "at": "2026-01-01T00:00:00Z"}
           for text in texts]  # fmt: skip
    Cluster.objects.update(acknowledged_texts=old)
    import_module("clusters.migrations.0016_sealed_digests").seal(apps, None)
    cluster = Cluster.objects.get()
    assert services.texts_unread(actor=alice, cluster=cluster) == ()
    assert not any(text.digest in str(cluster.acknowledged_texts) for text in texts)


def test_a_stranger_hears_nothing_of_a_text(client: Client, imported: Cluster, bob: User) -> None:
    client.force_login(bob)
    grow_old(client, time.time())
    assert client.post(reverse("wizard-acknowledge", args=[imported.pk]), {"digest": "x"}).status_code == 404
