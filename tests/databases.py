"""Restores SQLite after tests that commit: faster than emptying it and creating permissions and triggers again."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import TransactionTestCase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.plugin import DjangoDbBlocker


@contextmanager
def restored_as_migrated(blocker: DjangoDbBlocker) -> Iterator[None]:
    """Keep a copy of the migrated database, and restore it after tests that commit. Others are emptied."""
    if connection.vendor != "sqlite":
        yield
        return

    def restore(_: TransactionTestCase) -> None:
        connection.ensure_connection()
        migrated.backup(connection.connection)

    with closing(sqlite3.connect(":memory:")) as migrated, pytest.MonkeyPatch.context() as patch:
        with blocker.unblock():
            connection.ensure_connection()
            connection.connection.backup(migrated)
        patch.setattr(TransactionTestCase, "_fixture_teardown", restore)
        yield
