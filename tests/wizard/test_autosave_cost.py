"""What one autosave costs: queries, and texts that are parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clusters.config import load
from clusters.models import Cluster
from clusters.runs.documents import read_document
from clusters.services import draft_update

if TYPE_CHECKING:
    from tests.wizard.visitor import Visitor

SIGNED_IN = ("clusters_session", "auth_user", "clusters_account")
AUDIT = ("clusters_audithead", "clusters_auditentry")
MOST = 9
"""The ninth reads what changes without a new version, such as waivers, so that the answer shows what is stored."""
ENDPOINT = {"kind": "external", "address": "10.9.9.9", "port": "6443", "domain": "lb.example.org"}


def queries_of_a_save(visitor: Visitor, slug: str, data: dict[str, str]) -> list[str]:
    """The SQL of one autosave without savepoints; texts of before are forgotten."""
    visitor.get(slug)  # the first request of a session also notes when it was seen
    visitor.cluster.refresh_from_db()
    sent = {"draft_version": str(visitor.cluster.version), **data}
    load._load.cache_clear()
    with CaptureQueriesContext(connection) as captured:
        answer = visitor.client.post(visitor.address(slug), sent, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return [query["sql"] for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]]


@pytest.mark.parametrize("slug", ["machines", "endpoint"])
def test_an_autosave_takes_nine_queries_besides_sign_in_and_audit(visitor: Visitor, slug: str) -> None:
    data = visitor.machines(h0_address="10.99.0.77") if slug == "machines" else ENDPOINT
    before = visitor.document()
    queries = queries_of_a_save(visitor, slug, data)
    parsed = load._load.cache_info().misses
    own = [sql for sql in queries if not any(table in sql for table in (*SIGNED_IN, *AUDIT))]
    assert len(own) <= MOST, own
    assert len([sql for sql in queries if any(table in sql for table in SIGNED_IN)]) <= 3
    assert len([sql for sql in queries if any(table in sql for table in AUDIT)]) <= 3
    # The text of before, the one that is stored, and the one that is shown with its secrets masked.
    assert parsed <= 3
    assert visitor.document() != before


def test_the_answer_to_a_save_has_the_waivers_that_are_stored(visitor: Visitor) -> None:
    mine = Cluster.objects.get(pk=visitor.cluster.pk)
    given = [{"key": "a:b", "id": "a", "severity": "warning", "text": "A.", "by": "alice", "at": "2026-01-01"}]
    Cluster.objects.filter(pk=mine.pk).update(waivers=given)  # in another tab
    document = read_document(mine.document)
    changed = document.model_copy(update={"name": "other"})
    saved = draft_update(actor=mine.owner, cluster=mine, document=changed, version=mine.version)
    assert saved.waivers == given
    assert (saved.name, saved.version) == ("other", Cluster.objects.get(pk=mine.pk).version)


def test_the_text_of_a_save_is_read_from_the_database_once(visitor: Visitor) -> None:
    queries = queries_of_a_save(visitor, "machines", visitor.machines(h0_address="10.99.0.77"))
    assert len([sql for sql in queries if sql.startswith("SELECT") and '"clusters_cluster"."document"' in sql]) == 1
