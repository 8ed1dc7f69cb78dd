"""Sums that a document keeps to, with limits that are small enough to look at."""

from __future__ import annotations

import pytest

from clusters.config import limits
from clusters.config.load import load
from tests.conftest import SEED

SMALL = [
    ("MOST_MACHINES", 2, "limit.machines", "The document has 3 machines; at most 2 are allowed."),
    ("MOST_MEMBERS", 3, "limit.members", "The role groups name 4 members, ranges expanded; at most 3 are allowed."),
    ("MOST_ENTRIES", 6, "limit.entries", "All lists of the document together have more than 6 entries"),
    ("MOST_SECTIONS", 2, "limit.entries", "All lists of the document together have more than 2 with keys of their own"),
    ("MOST_KEYS", 4, "limit.keys", "This section has 5 keys; at most 4 are allowed."),
    ("MOST_PARTS", 0, "limit.parts", "network.kubePodsCIDR has 1 parts; at most 0 are allowed."),
]


@pytest.mark.parametrize(("limit", "most", "id", "message"), SMALL)
def test_what_is_larger_than_a_document_may_be_is_an_error(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int, id: str, message: str
) -> None:
    monkeypatch.setattr(limits, limit, most)
    # Another text each time: what was read once is not read again.
    loaded = load(f"{SEED}# {limit}\n")
    found = next(finding for finding in loaded.findings if finding.blocking)
    assert loaded.document is None
    assert (found.id, found.message[: len(message)]) == (id, message)
    assert found.hint and found.line


@pytest.mark.parametrize(("limit", "most"), [("MOST_MACHINES", 3), ("MOST_MEMBERS", 4), ("MOST_ENTRIES", 7)])
def test_what_is_just_as_large_as_a_document_may_be_is_read(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(limits, limit, most)
    assert load(f"{SEED}# just as large: {limit}\n").document is not None


def test_the_group_that_names_most_is_named_in_the_hint() -> None:
    text = SEED.replace("worker: [node2, node3]", "worker: ['node[1:9999]', 'a[1:9999]', 'b[1:9999]']")
    found = next(finding for finding in load(text).findings if finding.blocking)
    assert found.path == "spec.roleGroups.worker"
    assert "The group worker names 29,997" in found.hint
