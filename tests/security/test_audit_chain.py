"""The audit is append-only: each entry continues the previous one, and a break is reported."""

from __future__ import annotations

import threading
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from clusters import services
from clusters.models import AuditEntry, AuditHead, append_only
from clusters.models.append_only import TABLE
from clusters.models.audit import AppendOnly
from clusters.models.audit_chain import FIELDS, digest_of
from clusters.selectors import verify_audit
from clusters.services.audit import audited

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from clusters.models import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("AUDIT", TABLE), values)


@pytest.fixture
def five() -> list[str]:
    """Five entries; the triggers are gone, as for somebody who owns the database. Gives their hashes."""
    for number in range(1, 6):
        audited(None, "draft.update", f"cluster-{number}", seconds=300.0, hosts=("node1",), rate=1e16)
    append_only.remove(connection)
    return list(AuditEntry.objects.order_by("number").values_list("hash", flat=True))


def broken() -> str:
    """The output of `manage.py audit verify` about the first broken entry."""
    with pytest.raises(CommandError) as caught:
        call_command("audit", "verify", stdout=StringIO(), stderr=StringIO())
    return str(caught.value)


def test_the_hash_covers_every_field() -> None:
    assert {*FIELDS, "id", "hash"} == {field.name for field in AuditEntry._meta.fields}
    fields: dict[str, Any] = dict.fromkeys(FIELDS, "a")
    assert len({digest_of(fields | {name: "b"}) for name in FIELDS} | {digest_of(fields)}) == len(FIELDS) + 1


def test_entries_cannot_be_changed_or_removed_through_django(alice: User) -> None:
    audited(alice, "draft.create", "harbour")
    entry = AuditEntry.objects.get(deed="draft.create")
    tries: list[Callable[[], object]] = [
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(target="else"),
        lambda: AuditEntry.objects.bulk_create([AuditEntry(number=99, deed="x", target="y")]),
        lambda: AuditEntry.objects.bulk_update([entry], ["target"]),
    ]
    for attempt in tries:
        with pytest.raises(AppendOnly):
            attempt()
    assert not verify_audit().broken


@pytest.mark.parametrize("statement", ["UPDATE AUDIT SET target = 'else'", "DELETE FROM AUDIT"])
def test_the_database_refuses_to_change_or_remove_entries(statement: str, alice: User) -> None:
    audited(alice, "draft.create", "harbour")
    with pytest.raises(DatabaseError, match="The audit only grows"), transaction.atomic():
        sql(statement)
    assert AuditEntry.objects.filter(target="harbour").count() == 1


@pytest.mark.usefixtures("five")
def test_an_unbroken_chain_is_reported_with_the_value_to_record() -> None:
    append_only.install(connection)
    out, err = StringIO(), StringIO()
    call_command("audit", "verify", stdout=out, stderr=err)
    last = AuditEntry.objects.first()
    assert last is not None
    assert "The audit is intact: 5 entries." in out.getvalue()
    assert f"--count 5 --hash {last.hash}" in out.getvalue()
    assert err.getvalue() == ""


@pytest.mark.usefixtures("five")
def test_missing_triggers_are_reported_beside_a_broken_entry() -> None:
    sql("DELETE FROM AUDIT WHERE number = 2")
    err = StringIO()
    with pytest.raises(CommandError, match="Entry 2 is missing"):
        call_command("audit", "verify", stdout=StringIO(), stderr=err)
    assert "the triggers audit_no_update, audit_no_delete" in err.getvalue()


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    "change",
    [
        "target = 'else'",
        "actor_name = 'mallory'",
        "outcome = 'failed'",
        "at = '2020-01-01 00:00:00+00:00'",
        "session = 'other'",
        "details = '{}'",
        "hash = 'f'",
    ],
)
def test_an_entry_that_was_changed_is_named(change: str) -> None:
    sql(f"UPDATE AUDIT SET {change} WHERE number = 3")
    assert broken() == "Entry 3 was changed: its fields do not match its hash."


@pytest.mark.usefixtures("five")
def test_an_entry_that_is_missing_is_named() -> None:
    sql("DELETE FROM AUDIT WHERE number = 2")
    assert broken() == "Entry 2 is missing: entry 3 follows 1."


@pytest.mark.usefixtures("five")
def test_entries_that_were_moved_are_named() -> None:
    for before, after in ((3, 99), (4, 3), (99, 4)):
        sql("UPDATE AUDIT SET number = %s WHERE number = %s", after, before)
    assert broken() == "Entry 3 is out of order: the entry written after 2 now has number 4."


def test_an_entry_that_was_computed_again_does_not_fit_the_next(five: list[str]) -> None:
    forged = AuditEntry.objects.get(number=3)
    forged.target = "else"
    sql("UPDATE AUDIT SET target = 'else', hash = %s WHERE number = 3", forged.digest())
    assert broken() == "Entry 4 does not continue entry 3: that one was replaced, or this one inserted."


@pytest.mark.usefixtures("five")
def test_entries_that_are_missing_at_the_end_are_counted() -> None:
    sql("DELETE FROM AUDIT WHERE number > 3")
    assert broken() == "Entries 4 to 5 are missing at the end: 5 were written, 3 exist."


def test_a_whole_chain_that_was_computed_again_is_found_with_what_was_noted_outside(five: list[str]) -> None:
    sql("DELETE FROM AUDIT WHERE number > 3")
    AuditHead.objects.update(count=3, hash=five[2])
    assert not verify_audit().broken, "nothing inside reveals it"
    assert verify_audit(count=5, digest=five[4]).broken.startswith("Entries 4 to 5 are missing at the end: 5 were")
    audited(None, "draft.update", "another-4")
    audited(None, "draft.update", "another-5")
    assert not verify_audit().broken
    assert verify_audit(count=5, digest=five[4]).broken.startswith("Entry 5 is not the recorded one")
    assert not verify_audit(count=3, digest=five[2]).broken


def test_writers_at_the_same_moment_do_not_fork_the_chain(alice: User, cluster: Cluster) -> None:
    count, each = 6, 8
    begin = threading.Barrier(count)
    errors: list[BaseException] = []

    def write(name: int) -> None:
        try:
            begin.wait(60)
            for number in range(each):
                services.draft_create(actor=alice, name=f"draft-{name}-{number}")
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(name,)) for name in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert not verify_audit().broken
    assert AuditEntry.objects.filter(deed="draft.create").count() == count * each


def test_what_is_rolled_back_leaves_neither_an_entry_nor_a_gap(alice: User) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        audited(alice, "draft.create", "never")
        raise RuntimeError
    audited(alice, "draft.create", "harbour")
    assert not AuditEntry.objects.filter(target="never").exists()
    assert not verify_audit().broken


def test_text_that_a_database_cannot_hold_breaks_nothing(alice: User) -> None:
    audited(alice, "draft.create", "har\0bour\ud800" * 200, text="\0\udfff", number=float("nan"), many={2, 1})
    assert not verify_audit().broken
    assert AuditEntry.objects.get(deed="draft.create").details["many"] == [1, 2]


BEFORE = [("clusters", "0009_credentials")]


@pytest.mark.thorough
def test_older_entries_are_added_to_the_chain_with_authors_and_a_mark(alice: User) -> None:
    executor = MigrationExecutor(connection)
    newest = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "clusters"]
    try:
        append_only.remove(connection)
        AuditHead.objects.all().delete()
        sql("DELETE FROM AUDIT")
        executor.migrate(BEFORE)
        old = executor.loader.project_state(BEFORE).apps
        entries = old.get_model("clusters", "AuditEntry").objects
        author = old.get_model("auth", "User").objects.get(pk=alice.pk)
        for number in range(3):
            made = entries.create(user=author, deed="draft.update", target=f"cluster-{number}", details={"n": 2.0})
        times = list(entries.order_by("id").values_list("at", flat=True))
        entries.create(user=None, deed="account.first", target="admin")
    finally:
        again = MigrationExecutor(connection)
        again.migrate(newest)
        append_only.install(connection)
    rows = list(AuditEntry.objects.order_by("number"))
    assert [row.actor_name for row in rows] == ["alice", "alice", "alice", ""]
    assert {row.actor_id for row in rows[:3]} == {str(alice.pk)}
    assert [row.at for row in rows[:3]] == times
    assert all(row.before_chain for row in rows)
    assert made.target == rows[2].target
    audited(alice, "draft.update", "cluster-5")
    found = verify_audit()
    assert (found.count, found.before_chain, found.broken) == (5, 4, "")
