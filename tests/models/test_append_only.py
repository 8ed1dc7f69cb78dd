"""No SQL statement can change, replace or remove an audit entry, and a missing trigger is found."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from clusters.models import AuditEntry, append_only
from clusters.models.append_only import TABLE
from clusters.models.audit_chain import FIELDS
from clusters.selectors import verify_audit
from clusters.services.audit import audited

pytestmark = pytest.mark.django_db(transaction=True)

COLUMNS = ", ".join((*FIELDS, "hash"))
COPY = COLUMNS.replace("target", "'else'")
EVERYWHERE = [
    "UPDATE AUDIT SET target = 'else'",
    "UPDATE AUDIT SET number = 99 WHERE number = 1",
    "DELETE FROM AUDIT WHERE number = 1",
    f"INSERT INTO AUDIT ({COLUMNS}) SELECT {COPY} FROM AUDIT WHERE number = 1 "
    "ON CONFLICT (number) DO UPDATE SET target = 'else'",
    f"INSERT INTO AUDIT (id, {COLUMNS}) SELECT id, {COPY.replace('number', '99', 1)} FROM AUDIT WHERE number = 1 "
    "ON CONFLICT (id) DO UPDATE SET target = 'else'",
]
BY_DATABASE = {
    "sqlite": [
        f"INSERT OR REPLACE INTO AUDIT ({COLUMNS}) SELECT {COPY} FROM AUDIT WHERE number = 1",
        f"REPLACE INTO AUDIT ({COLUMNS}) SELECT {COPY} FROM AUDIT",
        f"INSERT OR REPLACE INTO AUDIT (id, {COLUMNS}) SELECT id, {COPY.replace('number', '99', 1)} FROM AUDIT "
        "WHERE number = 1",
        f"INSERT OR REPLACE INTO AUDIT ({COLUMNS}) SELECT {COPY.replace('number', '1.0', 1)} FROM AUDIT "
        "WHERE number = 2",
        "UPDATE OR REPLACE AUDIT SET number = 1 WHERE number = 2",
        "UPDATE OR IGNORE AUDIT SET target = 'else'",
    ],
    "postgresql": [
        f"TRUNCATE {TABLE}",
        f"TRUNCATE {TABLE} CASCADE",
        f"WITH gone AS (DELETE FROM {TABLE} RETURNING 1) SELECT count(*) FROM gone",
        f"MERGE INTO {TABLE} AS old USING (SELECT 1 AS number) AS new ON old.number = new.number "
        "WHEN MATCHED THEN UPDATE SET target = 'else'",
        f"MERGE INTO {TABLE} AS old USING (SELECT 1 AS number) AS new ON old.number = new.number "
        "WHEN MATCHED THEN DELETE",
    ],
}
HARMLESS = f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON {TABLE} BEGIN SELECT 1; END"
NEVER = (
    f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON {TABLE} WHEN OLD.number = 0 "
    f"BEGIN SELECT RAISE(ABORT, '{append_only.SENTENCE}'); END"
)
FUNCTION = "audit_only_grows() RETURNS trigger LANGUAGE plpgsql"
RARELY = "FOR EACH ROW WHEN (OLD.number = 0) EXECUTE FUNCTION audit_only_grows()"
CALLS = "FOR EACH ROW EXECUTE FUNCTION audit_only_grows()"
SWITCHED_OFF = {
    "sqlite": [
        ("DROP TRIGGER audit_no_update",),
        ("DROP TRIGGER audit_no_replace",),
        ("DROP TRIGGER audit_no_delete", HARMLESS),
        ("DROP TRIGGER audit_no_update", NEVER),
    ],
    "postgresql": [
        (f"DROP TRIGGER audit_no_truncate ON {TABLE}",),
        (f"ALTER TABLE {TABLE} DISABLE TRIGGER audit_no_update",),
        (f"ALTER TABLE {TABLE} ENABLE REPLICA TRIGGER audit_no_delete",),
        (f"CREATE OR REPLACE FUNCTION {FUNCTION} AS $$ BEGIN RETURN OLD; END $$",),
        (
            f"DROP TRIGGER audit_no_update ON {TABLE}",
            f"CREATE TRIGGER audit_no_update BEFORE UPDATE OF hash ON {TABLE} {CALLS}",
        ),
        (
            f"DROP TRIGGER audit_no_delete ON {TABLE}",
            f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON {TABLE} {RARELY}",
        ),
    ],
}


def sql(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(re.sub(r"\bAUDIT\b", TABLE, statement))


@pytest.fixture(autouse=True)
def _three_entries() -> None:
    append_only.install(connection)
    for number in range(1, 4):
        audited(None, "draft.update", f"cluster-{number}")


def stored() -> list[tuple[int, int, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("pk", "number", "target"))


@pytest.mark.parametrize("statement", EVERYWHERE + BY_DATABASE[connection.vendor])
def test_no_statement_changes_replaces_or_removes_an_entry(statement: str) -> None:
    before = stored()
    with pytest.raises(DatabaseError, match="The audit only grows"), transaction.atomic():
        sql(statement)
    assert stored() == before
    audited(None, "draft.update", "cluster-4")
    assert not verify_audit().broken


@pytest.mark.parametrize("statements", SWITCHED_OFF[connection.vendor])
def test_verify_finds_a_broken_trigger_and_migrate_creates_it_again(
    statements: tuple[str, ...],
) -> None:
    call_command("audit", "verify", stdout=StringIO())
    sql(*statements)
    out = StringIO()
    with pytest.raises(CommandError, match=r"the triggers audit_no_.* are missing or were changed"):
        call_command("audit", "verify", stdout=out)
    assert "The audit is intact: 3 entries." in out.getvalue()
    call_command("migrate", verbosity=0)
    call_command("audit", "verify", stdout=StringIO())
    with pytest.raises(DatabaseError, match="The audit only grows"), transaction.atomic():
        sql("DELETE FROM AUDIT WHERE number = 1")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="Only SQLite has this setting.")
def test_replace_in_sqlite_fires_the_delete_triggers() -> None:
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA recursive_triggers").fetchone() == (1,)
