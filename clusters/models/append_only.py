"""Database triggers that refuse to change or remove audit entries, also for SQL that does not come from Django."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps as registry
from django.db import connections

from clusters.models.audit import AuditEntry

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = AuditEntry._meta.db_table
SENTENCE = "The audit only grows: its entries are neither changed nor removed."
VERBS = {"sqlite": ("update", "delete"), "postgresql": ("update", "delete", "truncate")}


def names_of(connection: BaseDatabaseWrapper) -> list[str]:
    """The triggers that there should be; none on a database that Slipway does not know."""
    return [f"audit_no_{verb}" for verb in VERBS.get(connection.vendor, ())]


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the triggers that are missing. SQLite loses them whenever Django rebuilds the table for a migration."""
    missing = missing_from(connection)
    with connection.cursor() as cursor:
        if missing and connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{SENTENCE}'; END $$"
            )
        for name in missing:
            if connection.vendor == "postgresql":  # one that is switched off is missing, and still has the name
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {TABLE}")
            cursor.execute(_statement(connection.vendor, name))


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away: for a migration that has to rewrite entries, and for tests that empty the database."""
    there = [name for name in names_of(connection) if name not in missing_from(connection)]
    on = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for name in there:
            cursor.execute(f"DROP TRIGGER {name}{on}")


def missing_from(connection: BaseDatabaseWrapper) -> list[str]:
    """The triggers that should be there and are not."""
    wanted = names_of(connection)
    if not wanted:
        return []
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE])
        else:
            # A trigger that is switched off ("D") protects nothing.
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgenabled <> 'D'", [TABLE]
            )
        there = {row[0] for row in cursor.fetchall()}
    return [name for name in wanted if name not in there]


def after_migrate(sender: Any, using: str, apps: Any = registry, **kwargs: Any) -> None:
    """Make the triggers once the table is the one that they are for, and not while migrations still work on it."""

    fields = {field.name for field in apps.get_model("clusters", "AuditEntry")._meta.fields}
    if "hash" in fields:
        install(connections[using])


def _statement(vendor: str, name: str) -> str:
    verb = name.rpartition("_")[2].upper()
    if vendor == "sqlite":
        return f"CREATE TRIGGER {name} BEFORE {verb} ON {TABLE} BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
    each = "STATEMENT" if verb == "TRUNCATE" else "ROW"
    return f"CREATE TRIGGER {name} BEFORE {verb} ON {TABLE} FOR EACH {each} EXECUTE FUNCTION audit_only_grows()"
