"""Database triggers that refuse to change, replace or remove audit entries, also for SQL that is not Django's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps as registry
from django.db import connections

from clusters.models.audit import AuditEntry

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = AuditEntry._meta.db_table
SENTENCE = "The audit only grows: its entries are neither changed nor removed."

SQLITE = {
    "audit_no_update": f"BEFORE UPDATE ON {TABLE}",
    "audit_no_delete": f"BEFORE DELETE ON {TABLE}",
    # INSERT OR REPLACE removes the conflicting row without firing the DELETE trigger.
    "audit_no_replace": (
        f"BEFORE INSERT ON {TABLE} WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id OR number = NEW.number)"  # noqa: S608
    ),
}
"""When SQLite's triggers fire, by their names."""

# PostgreSQL has no REPLACE: ON CONFLICT DO UPDATE fires the UPDATE trigger.
POSTGRESQL = {"audit_no_update": "UPDATE", "audit_no_delete": "DELETE", "audit_no_truncate": "TRUNCATE"}
"""The statements that PostgreSQL's triggers refuse, by the triggers' names."""
BODY = f" BEGIN RAISE EXCEPTION '{SENTENCE}'; END "
ROW, BEFORE, KINDS = 1, 2, {"DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}
"""Bits of pg_trigger.tgtype."""


def names_of(connection: BaseDatabaseWrapper) -> list[str]:
    """The triggers that must exist; none on a database that Slipway does not know."""
    return list({"sqlite": SQLITE, "postgresql": POSTGRESQL}.get(connection.vendor, ()))


def install(connection: BaseDatabaseWrapper) -> None:
    """Create missing triggers. SQLite loses them whenever Django rebuilds the table for a migration."""
    missing = missing_from(connection)
    with connection.cursor() as cursor:
        if missing and connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $${BODY}$$"
            )
        for name in missing:
            # A trigger that is disabled or was changed still has the name.
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{_on(connection)}")
            cursor.execute(_statement(connection.vendor, name))


def remove(connection: BaseDatabaseWrapper) -> None:
    """Remove the triggers: for a migration that has to rewrite entries, and for tests that empty the database."""
    with connection.cursor() as cursor:
        if TABLE not in connection.introspection.table_names(cursor):
            return
        for name in names_of(connection):
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{_on(connection)}")


def missing_from(connection: BaseDatabaseWrapper) -> list[str]:
    """The triggers that are missing or were changed."""
    intact = {"sqlite": _intact_in_sqlite, "postgresql": _intact_in_postgresql}.get(connection.vendor)
    if intact is None:
        return []
    there = intact(connection)
    return [name for name in names_of(connection) if name not in there]


def _intact_in_sqlite(connection: BaseDatabaseWrapper) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE])
        return {name for name, sql in cursor.fetchall() if name in SQLITE and sql == _statement("sqlite", name)}


def _intact_in_postgresql(connection: BaseDatabaseWrapper) -> set[str]:
    """The triggers that fire in ordinary sessions ("O" and "A"), for every row and column, and call the unchanged
    function."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgtype FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
            "WHERE tgrelid = to_regclass(%s) AND tgenabled IN ('O', 'A') AND tgqual IS NULL AND tgattr::text = '' "
            "AND prosrc = %s",
            [TABLE, BODY],
        )
        return {name for name, kind in cursor.fetchall() if name in POSTGRESQL and kind == _kind(POSTGRESQL[name])}


def after_migrate(sender: Any, using: str, apps: Any = registry, **kwargs: Any) -> None:
    """Create the triggers once the table is up to date, not while migrations still change it."""

    fields = {field.name for field in apps.get_model("clusters", "AuditEntry")._meta.fields}
    if "hash" in fields:
        install(connections[using])


def _on(connection: BaseDatabaseWrapper) -> str:
    return f" ON {TABLE}" if connection.vendor == "postgresql" else ""


def _kind(verb: str) -> int:
    return KINDS[verb] | BEFORE | (0 if verb == "TRUNCATE" else ROW)


def _statement(vendor: str, name: str) -> str:
    if vendor == "sqlite":
        return f"CREATE TRIGGER {name} {SQLITE[name]} BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
    verb = POSTGRESQL[name]
    each = "STATEMENT" if verb == "TRUNCATE" else "ROW"
    return f"CREATE TRIGGER {name} BEFORE {verb} ON {TABLE} FOR EACH {each} EXECUTE FUNCTION audit_only_grows()"
