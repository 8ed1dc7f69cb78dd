"""A replaced password stays masked wherever the old one still occurs in a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.config.load import load
from clusters.config.secret import MASK, Secret
from clusters.services import config_export, document_of, draft_update
from clusters.wizard.document.editor import editor
from tests.conftest import SEED

if TYPE_CHECKING:
    from clusters.config.schema import Document
    from tests.wizard.visitor import Visitor

OLD = SEED.replace("Qcloud@123", "Hid-old-1").replace(
    "  roleGroups:",
    "  # node1 had Hid-old-1 (SGlkLW9sZC0x) in May, not Testing123\n  # password: Hid-old-1\n  roleGroups:",
)


def document(text: str) -> Document:
    found = load(text).document
    assert found is not None, load(text).findings
    return found


def test_a_password_that_a_form_replaces_stays_masked_in_comments(visitor: Visitor) -> None:
    cluster = visitor.cluster
    cluster.document = OLD
    cluster.save()
    owner = cluster.owner
    assert "Hid-old" not in editor(document(OLD), OLD).text
    visitor.post("machines", visitor.machines(h0_password="Fresh-1-secret"), htmx=True)
    assert visitor.document().hosts[0].password == Secret("Fresh-1-secret")
    cluster.refresh_from_db()
    for seen in (editor(visitor.document(), cluster.document).text, config_export(actor=owner, cluster=cluster)):
        assert "Hid-old" not in seen and "SGlkLW9sZC0x" not in seen and "Testing123" not in seen
    # What the finder sees by itself stays as it was written, and so does a password that is still in use.
    assert "not Testing123\n  # password: Hid-old-1\n" in cluster.document


@pytest.mark.parametrize("how", ["a machine is removed", "a text"])
def test_a_password_that_is_gone_in_another_way_stays_masked_in_comments(visitor: Visitor, how: str) -> None:
    cluster = visitor.cluster
    cluster.document = OLD
    cluster.save()
    found = document(OLD)
    text = ""
    if how == "a text":
        text = OLD.replace('password: "Hid-old-1"', "password: fresh-1")
        fresh = document(text)
    else:
        fresh = found.model_copy(update={"hosts": found.hosts[1:]})
    draft_update(actor=cluster.owner, cluster=cluster, document=fresh, version=cluster.version, text=text)
    cluster.refresh_from_db()
    assert document_of(cluster) == fresh
    assert f"# node1 had {MASK} ({MASK}) in May, not Testing123" in cluster.document
    assert "Hid-old" not in editor(fresh, cluster.document).text


@pytest.mark.parametrize(
    ("typed", "meant"), [("node", "node-Pass-1"), ("in May", "in May 7x"), ("password", "Fresh-1")]
)
def test_what_is_typed_half_leaves_comments_as_they_are(visitor: Visitor, typed: str, meant: str) -> None:
    """The form saves while somebody types: a comment must not lose the words that a password begins with."""
    cluster = visitor.cluster
    cluster.document = OLD.replace("Hid-old-1", typed)
    cluster.save()
    found = document(cluster.document)
    hosts = tuple(host.model_copy(update={"password": Secret(meant)}) for host in found.hosts)
    fresh = found.model_copy(update={"hosts": hosts})
    draft_update(actor=cluster.owner, cluster=cluster, document=fresh, version=cluster.version)
    cluster.refresh_from_db()
    assert f"# node1 had {typed} (SGlkLW9sZC0x) in May" in cluster.document
