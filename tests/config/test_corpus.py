"""The corpus is complete: it covers every rule and every finding, and every finding has the required parts."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from clusters.config import rules
from clusters.config.load import load
from clusters.config.report import findings_of
from clusters.config.rules.registry import Registered, registered
from clusters.config.schema import Document
from tests.config.corpus import CASES, NAMES, documents, loaded

ROOT = Path(__file__).resolve().parent.parent.parent
ELSEWHERE = {
    "type.other",  # the second safeguard: nothing passes the first one
    "system.timezone_unknown",  # depends on the machine's time zones
    "secret.unknown",  # a mask in a text that was typed, beside a document that is stored
    "file.unreadable",  # of a file whose text is not known
    "waiver.unused",  # an argument of the checker, not of a file
    "yaml.key",
    "yaml.merge",
    "yaml.character",
    "yaml.too_large",
    "yaml.too_many_values",
}
"""Findings that no short file can show, or that a separate test covers."""


def _ids_in_code() -> set[str]:
    """The first argument of every call that makes a finding."""
    found = set()
    for path in (ROOT / "clusters" / "config").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.args[0]
                makes = node.func.id in ("error", "warning", "info", "make_finding", "refuse", "make", "Finding")
                if makes and isinstance(first, ast.Constant) and isinstance(first.value, str) and "." in first.value:
                    found.add(first.value)
    return found


def _ids_in_cases() -> set[str]:
    lines = [case.read_text(encoding="utf-8").splitlines()[0] for case in CASES]
    return {word.partition("@")[0] for line in lines for word in line.removeprefix("# expect: ").split()}


rules.check(Document())  # so that all modules are imported
RULES = registered()


def test_the_corpus_is_large() -> None:
    assert len(CASES) > 130


def test_every_finding_has_a_case() -> None:
    named = _ids_in_code()
    assert len(named) > 100
    covered = _ids_in_cases()
    tested = "\n".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("test_*.py"))
    missing = sorted(id for id in named - covered - ELSEWHERE if f'"{id}"' not in tested)
    assert missing == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.function.__module__}.{rule.function.__name__}")
def test_every_rule_speaks_somewhere_and_is_silent_elsewhere(rule: Registered) -> None:
    spoke = (bool(list(rule.findings(document))) for document in documents().values())
    # Each stops at the first one that proves it.
    first = next(spoke)
    assert (not first) in spoke


@pytest.mark.sampled(4)
@pytest.mark.parametrize("case", NAMES)
def test_every_finding_has_path_message_and_allowed_values(case: str) -> None:
    for each in findings_of(loaded()[case], file=f"{case}.yaml"):
        assert each.file == f"{case}.yaml"
        assert each.line, each
        assert each.path or each.id.startswith(("yaml.", "kind.")), each
        if each.blocking and not each.id.startswith(("yaml.", "kind.missing", "key.no_value")):
            assert each.found or each.allowed, each


def test_every_rule_has_a_sentence_for_what_must_hold() -> None:
    for rule in RULES:
        assert (rule.function.__doc__ or "").split("\n")[0].rstrip().endswith((".", ":")), rule


def test_a_fence_or_a_paste_is_the_same_document() -> None:
    text = (Path(__file__).parent / "cases" / "full_v1alpha2.yaml").read_text(encoding="utf-8")
    page = f"Our cluster:\n\n~~~yaml\n{text}~~~\n"
    assert load(page).document == load(text).document
    assert load(text.replace("\n", "\r\n")).document == load(text).document
