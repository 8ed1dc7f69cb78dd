"""Size limits of a document, tested with small limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.config import limits
from clusters.config import load as load_module
from clusters.config.load import load
from clusters.config.yaml import tree
from tests.conftest import SEED

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = [
    ("MOST_MACHINES", 2, "limit.machines", "The document has 3 machines; at most 2 are allowed."),
    ("MOST_MEMBERS", 3, "limit.members", "The role groups have 4 members, ranges expanded; at most 3 are allowed."),
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


STRUCTURE = [
    ("values", 60, "yaml.too_many_values", "The text expands to more than 60 values."),
    ("entries", 6, "limit.entries", "All lists of the document together have more than 6 entries"),
    ("sections", 2, "limit.entries", "All lists of the document together have more than 2 with keys"),
    ("keys", 4, "limit.keys", "This section has more than 4 keys."),
]


@pytest.mark.parametrize(("limit", "most", "id", "message"), STRUCTURE)
def test_reading_ends_where_a_limit_is_passed(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int, id: str, message: str
) -> None:
    changes: dict[str, Any] = {limit: most}
    monkeypatch.setattr(tree, "DOCUMENT", replace(tree.DOCUMENT, **changes))
    events = Events(monkeypatch)
    text = f"{SEED}# {limit}\nx: [" + "{a: 1}, " * 100 + "]\n"
    found = next(finding for finding in load(text).findings if finding.blocking)
    assert (found.id, found.message[: len(message)]) == (id, message)
    assert found.hint and found.line <= SEED.count("\n")
    assert events.read < events.of(text) / 2


def test_what_aliases_repeat_counts_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "DOCUMENT", replace(tree.DOCUMENT, entries=12))
    found = next(f for f in load(f"{SEED}a: &a [1, 2]\nb: [*a, *a, *a]\n").findings if f.blocking)
    assert found.id == "limit.entries"


class Events:
    """Counts what the parser was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._parse, self.read = yaml.parse, 0
        monkeypatch.setattr(yaml, "parse", self._counted)

    def of(self, text: str) -> int:
        return sum(1 for _ in self._parse(text))

    def _counted(self, *args: Any, **more: Any) -> Iterator[Any]:
        for event in self._parse(*args, **more):
            self.read += 1
            yield event


@pytest.mark.parametrize(("limit", "most"), [("MOST_MACHINES", 3), ("MOST_MEMBERS", 4)])
def test_what_is_just_as_large_as_a_document_may_be_is_read(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(limits, limit, most)
    assert load(f"{SEED}# just as large: {limit}\n").document is not None


def test_the_group_that_names_most_is_named_in_the_hint() -> None:
    text = SEED.replace("worker: [node2, node3]", "worker: ['node[1:9999]', 'a[1:9999]', 'b[1:9999]']")
    found = next(finding for finding in load(text).findings if finding.blocking)
    assert found.path == "spec.roleGroups.worker"
    assert "The group worker has 29,997" in found.hint
