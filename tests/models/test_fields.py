"""Encrypted values stay encrypted, and a wrong key is an error, never a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from clusters.models import Cluster
from clusters.models.fields import KeyMissing

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


def stored(cluster: Cluster) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT document FROM clusters_cluster WHERE id = %s", [cluster.pk])
        return str(cursor.fetchone()[0])


def test_the_database_holds_only_tokens() -> None:
    cluster = Cluster.objects.create(name="c", document="password: Geheim ü")
    assert "Geheim" not in stored(cluster)
    assert Cluster.objects.get(pk=cluster.pk).document == "password: Geheim ü"


def test_empty_values_stay_empty() -> None:
    cluster = Cluster.objects.create(name="c", document="")
    assert stored(cluster) == ""
    assert Cluster.objects.get(pk=cluster.pk).document == ""


def test_a_wrong_key_is_an_error_with_a_hint(settings: Settings) -> None:
    cluster = Cluster.objects.create(name="c", document="secret")
    settings.SLIPWAY_SECRET_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(KeyMissing, match="not among the 1 keys") as caught:
        Cluster.objects.get(pk=cluster.pk)
    assert "rotate_keys" in caught.value.hint


def test_an_invalid_key_is_an_error(settings: Settings) -> None:
    settings.SLIPWAY_SECRET_KEYS = ["short"]
    with pytest.raises(ImproperlyConfigured, match="SLIPWAY_SECRET_KEYS"):
        Cluster.objects.create(name="c", document="secret")


def test_encrypted_values_cannot_be_searched() -> None:
    with pytest.raises(FieldError):
        Cluster.objects.filter(document="x").exists()


def test_after_a_rotation_the_old_key_is_not_needed(settings: Settings) -> None:
    old, new = settings.SLIPWAY_SECRET_KEYS[0], Fernet.generate_key().decode()
    cluster = Cluster.objects.create(name="c", document="secret", kubeconfig="also")
    settings.SLIPWAY_SECRET_KEYS = [new, old]
    call_command("rotate_keys")
    settings.SLIPWAY_SECRET_KEYS = [new]
    found = Cluster.objects.get(pk=cluster.pk)
    assert (found.document, found.kubeconfig) == ("secret", "also")


def test_a_rotation_without_the_old_key_changes_nothing(settings: Settings) -> None:
    cluster = Cluster.objects.create(name="c", document="secret")
    before = stored(cluster)
    settings.SLIPWAY_SECRET_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("rotate_keys")
    assert stored(cluster) == before
