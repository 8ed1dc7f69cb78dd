"""A copy of a draft keeps its text, and never passes on credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.services import document_of, draft_copy, draft_import
from tests.conftest import SEED

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = pytest.mark.django_db
NOTED = SEED.replace("  hosts:\n", "  # what the machines are for\n  hosts:\n", 1)


def test_a_copy_keeps_comments_and_layout(alice: User) -> None:
    cluster, _ = draft_import(actor=alice, text=NOTED)
    assert cluster is not None
    copy = draft_copy(actor=alice, cluster=cluster)
    assert "# what the machines are for" in copy.document and copy.name in copy.document


def test_a_copy_by_an_administrator_has_no_credentials(alice: User, admin_user: User) -> None:
    cluster, _ = draft_import(actor=alice, text=SEED)
    assert cluster is not None
    document = document_of(cluster)
    hosts = tuple(host.model_copy(update={"credential": "root-everywhere"}) for host in document.hosts)
    jump = document.jump_host.model_copy(update={"hops": "bastion", "credential": "root-everywhere"})
    from clusters.runs.documents import write_document

    cluster.document = write_document(document.model_copy(update={"hosts": hosts, "jump_host": jump}))
    cluster.save()
    assert "root-everywhere" in draft_copy(actor=alice, cluster=cluster).document
    assert "root-everywhere" not in draft_copy(actor=admin_user, cluster=cluster).document
