"""The page on conformance has the results of a run of the tests; while it runs, its progress is reported."""

from __future__ import annotations

import re

import pytest

from tests.conformance import report, suite, test_smoke
from tests.conformance.suite import Outcome, Progress
from tests.ha import layouts

FACTS = report.Facts("v1.37.2", "containerd://2.4.2", "6.1.0", "nftables", "2026-11-28")

LOADED = [
    "registry.k8s.io/e2e-test-images/agnhost:2.66.1",
    "x/agnhost:2.55",
    "x/novel:1.0",
    "registry.k8s.io/etcd:3.7.0-0",
]
GOOD_ROWS = """
| apps | 60 | 0 | 0 |
| auth | 27 | 0 | 0 |
| cli | 17 | 0 | 0 |
| node | 104 | 0 | 0 |
| api-machinery | 254 | 0 | 0 |
"""


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
    specs = [
        spec("should work [Conformance]", "passed"),
        spec("should be quick [Conformance]", "timedout", Failure={"Message": "too slow"}),
        spec("is nobody's business", "passed"),
        spec("", "passed", LeafNodeType="BeforeSuite"),
    ]
    outcomes = suite.outcomes([{"SpecReports": specs}, {"SpecReports": None}])
    assert outcomes == [
        Outcome("[sig-network] DNS should be quick [Conformance]", "failed", 1.5, "too slow"),
        Outcome("[sig-network] DNS should work [Conformance]", "passed", 1.5),
    ]
    assert {outcome.group for outcome in outcomes} == {"network"}


def test_of_other_labels_every_test_that_ran_counts() -> None:
    report = [{"SpecReports": [spec("denies", "failed"), spec("is of no label", "skipped")]}]
    assert [(each.name, each.state) for each in suite.all_that_ran(report)] == [("[sig-network] DNS denies", "failed")]
    assert suite.outcomes(report) == []


def test_the_page_names_what_failed_and_what_was_not_run_with_the_reason() -> None:
    outcomes = [
        Outcome("[sig-node] a [Conformance]", "passed", 1.0),
        Outcome("[sig-node] b [Conformance]", "failed", 1.0, "expected 1 | got\n2"),
        Outcome("[sig-apps] c [Conformance]", "skipped", 0.0, "needs two zones"),
    ]
    page = report.page(outcomes, FACTS, 90, LOADED)
    assert "**1 of 3 passed, 1 failed, 1 were not run**" in page
    assert "| node | 1 | 1 | 0 |" in page
    assert "| [sig-node] b [Conformance] | expected 1 \\| got 2 |" in page
    assert "| [sig-apps] c [Conformance] | needs two zones |" in page
    assert report.faults(page) == []


def test_the_table_of_images_is_of_what_was_loaded() -> None:
    page = report.page([], FACTS, 90, LOADED)
    assert "| agnhost | 2.55, 2.66.1 | upstream's program" in page
    assert "| novel | 1.0 | unknown; add it" in page
    assert "kitten" not in page and "nginx" not in page


EDITS = {
    "a failure more": ("passed, 0 failed", "passed, 2 failed"),
    "fewer passed": ("**462 of 462", "**460 of 462"),
    "another group's number": ("| node | 104 |", "| node | 4 |"),
    "a failure in a group": ("| node | 104 | 0 |", "| node | 103 | 1 |"),
    "a group less": ("| auth | 27 | 0 | 0 |\n", ""),
    "a group twice": ("| cli | 17 | 0 | 0 |\n", "| cli | 10 | 0 | 0 |\n| cli | 7 | 0 | 0 |\n"),
    "numbers and names, but not in the groups": (
        "**462 of 462 passed, 0 failed",
        "**460 of 462 passed, 2 failed",
        "## Programs and images",
        "## Failed\n\n| [sig-node] a | x |\n| [sig-node] b | x |\n\n## Programs and images",
    ),
    "a name in another group": (
        *("**462 of 462 passed, 0 failed", "**461 of 462 passed, 1 failed", "| node | 104 | 0 |", "| node | 103 | 1 |"),
        *("## Programs and images", "## Failed\n\n| [sig-apps] a | x |\n\n## Programs and images"),
    ),
    "numbers without names": (
        *("**462 of 462 passed, 0 failed", "**461 of 462 passed, 1 failed", "| node | 104 | 0 |", "| node | 103 | 1 |"),
    ),
    "no numbers": ("**462 of 462 passed", "all passed"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_page_that_was_edited_contradicts_itself(edit: str) -> None:
    groups = dict(re.findall(r"^\| ([a-z][\w-]*) \| (\d+) \| 0 \| 0 \|$", GOOD_ROWS, re.MULTILINE))
    outcomes = [
        Outcome(f"[sig-{group}] {number} [Conformance]", "passed", 1.0)
        for group, count in groups.items()
        for number in range(int(count))
    ]
    text = report.page(outcomes, FACTS, 90, LOADED)
    assert report.faults(text) == []
    replacements = EDITS[edit]
    for old, new in zip(replacements[::2], replacements[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    assert report.faults(text) != []


def test_progress_counts_finished_tests_and_estimates_the_time_left() -> None:
    lines: list[str] = []
    progress = Progress(lines.append, began=0.0)
    for text in ("Will run 4", "0 of 7000 specs\n", "•" * 9, "• [FAI", "LED] [2 seconds]\n"):
        progress.read(text, 20.0)
    assert lines == []
    progress.read("•", 60.0)
    assert lines == [
        "11 of 40 tests are over after 60 s, 1 failed;"
        " at this pace 2 min 38 s are left, and those that run alone are slower"
    ]


def test_progress_of_a_few_tests_is_reported_too() -> None:
    lines: list[str] = []
    Progress(lines.append, began=0.0).read("Will run 3 of 7000 specs\n", 60.0)
    assert lines == ["0 of 3 tests are over after 60 s, 0 failed"]


def test_an_aborted_suite_is_not_a_passed_one() -> None:
    suite.see_that_it_ran([{"SpecReports": [spec("works [Conformance]", "failed")]}])
    before = spec("", "failed", LeafNodeType="SynchronizedBeforeSuite", Failure={"Message": "no API server"})
    for broken in ({"SpecReports": [before]}, {"SpecReports": None, "SpecialSuiteFailureReasons": ["no API server"]}):
        with pytest.raises(AssertionError, match="no API server"):
            suite.see_that_it_ran([broken])


def test_the_page_in_docs_is_about_the_version_that_the_lab_builds() -> None:
    text = report.PAGE.read_text()
    assert f"## Kubernetes {layouts.NEWEST}, " in text
    assert report.faults(text) == []
    assert report.NO_RECIPE not in text


def test_less_than_a_tenth_is_not_enough_for_a_smoke_test() -> None:
    assert test_smoke.FEWEST == 0.1 and "a tenth of the tests" in report.HEAD
