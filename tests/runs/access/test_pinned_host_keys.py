"""The pinned keys of a run: known ones need no query, and a lookup in another thread leaves no connection open."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from django.db import connection, connections

from clusters.remote.auth.host_keys import PinnedKey
from clusters.runs.access.pinned_host_keys import PinnedKeys, pin

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from clusters.models import Cluster

KEY = PinnedKey("ssh-ed25519", "AAAAC3Nz", "SHA256:one")


@pytest.mark.django_db
def test_an_initially_known_key_needs_no_query(
    cluster: Cluster, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    pin(cluster.pk, "10.99.0.1", 22, KEY, by=None)
    known = PinnedKeys(cluster.pk)
    with django_assert_num_queries(0):
        assert known.lookup("10.99.0.1", 22) == KEY


@pytest.mark.django_db(transaction=True)
def test_a_thread_finds_a_new_key_and_leaves_no_connection_open(cluster: Cluster) -> None:
    known = PinnedKeys(cluster.pk)
    pin(cluster.pk, "10.99.0.2", 22, KEY, by=None)
    found: list[object] = []

    def ask() -> None:
        try:
            found.extend([known.lookup("10.99.0.2", 22), connection.connection])
        finally:
            connections.close_all()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert found == [KEY, None]


@pytest.mark.django_db
def test_a_caller_that_has_a_connection_keeps_it(cluster: Cluster) -> None:
    before = connection.connection
    assert PinnedKeys(cluster.pk).lookup("10.99.0.9", 22) is None
    assert connection.connection is before
    assert before is not None
