"""A written file is read as the same document, whatever it contains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusters.config.dialects.fit import fitted, what_does_not_fit
from clusters.config.dialects.render import render
from clusters.config.finding import format_finding
from clusters.config.load import _load, load
from clusters.config.report import findings_of
from clusters.config.rules import check
from clusters.config.yaml import tree
from tests.bench.row import cpu_seconds
from tests.config.documents import TEXTS, documents, large_document, seed_document

if TYPE_CHECKING:
    from clusters.config.finding import Finding
    from clusters.config.schema import Document

PASSWORD = "Testing123"
GENTLY = settings(deadline=None, max_examples=min(40, settings().max_examples), suppress_health_check=list(HealthCheck))


def _same(document: Document, dialect: str) -> None:
    text = render(document, dialect=dialect, secrets="show")
    loaded = load(text)
    assert loaded.document == fitted(document, dialect), (loaded.findings, text)
    assert not [each for each in loaded.findings if each.id.startswith(("yaml.", "type.", "secret."))]
    assert loaded.dialect == dialect


@GENTLY
@given(documents())
def test_v1alpha2_comes_back_as_it_was(document: Document) -> None:
    assert fitted(document, "v1alpha2") == document
    _same(document, "v1alpha2")


@GENTLY
@given(documents(), st.sampled_from(("v1alpha1", "v4")))
def test_the_other_dialects_come_back_but_for_what_was_named(document: Document, dialect: str) -> None:
    _same(document, dialect)
    kept = fitted(document, dialect)
    assert fitted(kept, dialect) == kept
    if kept != document:
        assert what_does_not_fit(document, dialect)
    assert not [each for each in what_does_not_fit(kept, dialect) if each.id == "dialect.lost" and _speaks(each)]


def _speaks(finding: Finding) -> bool:
    """containerd is left out of v1alpha1 and comes back all the same."""
    return finding.path != "spec.kubernetes.containerManager"


@GENTLY
@given(documents())
def test_other_yaml_readers_read_the_same_texts(document: Document) -> None:
    data = next(yaml.safe_load_all(render(document, secrets="show")))
    assert [row.get("name") for row in data["spec"]["hosts"]] == [host.name for host in document.hosts]
    passwords = [host.password.reveal() if host.password else None for host in document.hosts]
    assert [row.get("password") for row in data["spec"]["hosts"]] == passwords
    assert data["spec"]["kubernetes"]["version"] == document.kubernetes.version
    assert tuple(data["spec"]["roleGroups"]["worker"]) == document.role_groups.worker


@GENTLY
@given(documents())
def test_rules_never_stumble(document: Document) -> None:
    for finding in check(document):
        assert finding.message
        assert finding.path.startswith(("spec.", "metadata.", "kubesphere", "config."))


@GENTLY
@given(st.data())
def test_a_damaged_file_is_findings_and_never_a_crash(data: st.DataObject) -> None:
    text = render(seed_document(), dialect="v1alpha1", secrets="show")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 1)))
    loaded = load(text[:start] + data.draw(TEXTS) + text[end:])
    assert loaded.document is not None or any(each.blocking for each in loaded.findings)
    for finding in findings_of(loaded):
        assert PASSWORD not in format_finding(finding)


@GENTLY
@given(st.text(max_size=200))
def test_any_text_is_findings_and_never_a_crash(text: str) -> None:
    assert load(text).findings


def test_the_python_parser_reads_what_the_c_parser_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "_LOADER", yaml.SafeLoader)
    _same(seed_document(), "v1alpha1")
    _same(seed_document(), "v1alpha2")
    _same(seed_document(), "v4")


@pytest.mark.thorough
def test_a_thousand_machines_are_written_read_and_checked_at_once() -> None:
    """Compared with PyYAML's own reader: it took 0.3 s where writing took 0.02 s, and reading and checking 0.1 s."""
    document = large_document()
    text = render(document, secrets="show")

    def read_and_check() -> None:
        _load.cache_clear()
        tree.read.cache_clear()
        loaded = load(text).document
        assert loaded is not None
        assert not [each for each in check(loaded) if each.blocking]

    alone = cpu_seconds(lambda: list(yaml.safe_load_all(text)), rounds=3)
    assert cpu_seconds(lambda: render(document, secrets="show"), rounds=3) < alone
    assert cpu_seconds(read_and_check, rounds=3) < 2 * alone
