"""The corpus: the first line of each file in cases/ lists the expected findings and their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from clusters.config.finding import format_finding
from clusters.config.load import load
from clusters.config.report import findings_of
from clusters.config.yaml import tree
from tests.config.corpus import CASES, loaded

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = ("Testing", "x1y2z3", "Rest}")


def _expected(text: str) -> list[str]:
    words = text.splitlines()[0].removeprefix("# expect: ").split()
    return [] if words == ["nothing"] else sorted(words)


@pytest.mark.parametrize(
    "loader",
    # The fast group reads each file once, with the quick one.
    [pytest.param(yaml.SafeLoader, marks=pytest.mark.thorough), getattr(yaml, "CSafeLoader", yaml.SafeLoader)],
)
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_file_gives_exactly_the_findings_it_names(case: Path, loader: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "_LOADER", loader)
    text = case.read_text(encoding="utf-8")
    found = findings_of(load(text))
    assert sorted(f"{each.id}@{each.line}" if each.line else each.id for each in found) == _expected(text)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_no_finding_repeats_a_secret_and_every_one_is_a_sentence(case: Path) -> None:
    for each in findings_of(loaded()[case.stem]):
        line = format_finding(each, file=case.name)
        assert not any(secret in line for secret in SECRETS), line
        assert each.message.endswith((".", "?")), line
        assert not each.hint or each.hint.endswith((".", "?", "…")) or each.id == "api.missing", line
