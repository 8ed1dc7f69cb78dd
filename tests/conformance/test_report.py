"""The page on conformance says what a run of the tests said, and how far it is while it runs."""

from __future__ import annotations

import re

import pytest

from tests.conformance import report, suite
from tests.conformance.suite import Outcome, Progress
from tests.ha import layouts

FACTS = report.Facts("v1.37.2", "containerd://2.4.2", "6.1.0", "nftables", "2026-11-28")


def spec(leaf: str, state: str, **more: object) -> dict[str, object]:
    return {
        "ContainerHierarchyTexts": ["[sig-network] DNS"],
        "LeafNodeText": leaf,
        "LeafNodeType": "It",
        "State": state,
        "RunTime": 1_500_000_000,
        **more,
    }


def test_a_report_of_ginkgo_gives_the_conformance_tests_and_nothing_else() -> None:
    told = [
        spec("should work [Conformance]", "passed"),
        spec("should be quick [Conformance]", "timedout", Failure={"Message": "too slow"}),
        spec("is nobody's business", "passed"),
        spec("", "passed", LeafNodeType="BeforeSuite"),
    ]
    outcomes = suite.outcomes([{"SpecReports": told}, {"SpecReports": None}])
    assert outcomes == [
        Outcome("[sig-network] DNS should be quick [Conformance]", "failed", 1.5, "too slow"),
        Outcome("[sig-network] DNS should work [Conformance]", "passed", 1.5),
    ]
    assert {outcome.group for outcome in outcomes} == {"network"}


def test_the_page_names_what_failed_and_what_was_not_run_with_the_reason() -> None:
    outcomes = [
        Outcome("[sig-node] a [Conformance]", "passed", 1.0),
        Outcome("[sig-node] b [Conformance]", "failed", 1.0, "expected 1 | got\n2"),
        Outcome("[sig-apps] c [Conformance]", "skipped", 0.0, "needs two zones"),
    ]
    page = report.page(outcomes, FACTS, 90)
    assert "**1 of 3 passed, 1 failed, 1 were not run**" in page
    assert "| node | 1 | 1 | 0 |" in page
    assert "| [sig-node] b [Conformance] | expected 1 \\| got 2 |" in page
    assert "| [sig-apps] c [Conformance] | needs two zones |" in page


def test_progress_counts_what_is_over_and_tells_what_is_left() -> None:
    said: list[str] = []
    progress = Progress(said.append, began=0.0)
    for text in ("Will run 4", "0 of 7000 specs\n", "•" * 9, "• [FAI", "LED] [2 seconds]\n"):
        progress.read(text, 20.0)
    assert said == []
    progress.read("•", 60.0)
    assert said == [
        "11 of 40 tests are over after 60 s, 1 failed;"
        " at this pace 2 min 38 s are left, and those that run alone are slower"
    ]


def test_progress_of_a_few_tests_is_told_too() -> None:
    said: list[str] = []
    Progress(said.append, began=0.0).read("Will run 3 of 7000 specs\n", 60.0)
    assert said == ["0 of 3 tests are over after 60 s, 0 failed"]


def test_a_suite_that_broke_off_is_no_suite_without_failures() -> None:
    suite.see_that_it_ran([{"SpecReports": [spec("works [Conformance]", "failed")]}])
    before = spec("", "failed", LeafNodeType="SynchronizedBeforeSuite", Failure={"Message": "no API server"})
    for broken in ({"SpecReports": [before]}, {"SpecReports": None, "SpecialSuiteFailureReasons": ["no API server"]}):
        with pytest.raises(AssertionError, match="no API server"):
            suite.see_that_it_ran([broken])


def test_the_page_in_docs_is_of_the_version_that_the_lab_builds_and_names_what_failed() -> None:
    text = report.PAGE.read_text()
    assert f"## Kubernetes {layouts.NEWEST}, " in text
    counted = re.search(r"\*\*(\d+) of (\d+) passed, (\d+) failed, (\d+) were not run\*\*", text)
    assert counted is not None
    passed, every, failed, skipped = map(int, counted.groups())
    named = [line for line in text.splitlines() if line.startswith("| [sig-")]
    assert passed + failed + skipped == every and len(named) == failed + skipped
