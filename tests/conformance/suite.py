"""Runs upstream's conformance tests on a cluster, reports their progress, and reads the results."""

from __future__ import annotations

import codecs
import json
import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.lab.progress import say, spell

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROCESSES = 6
"""Tests that run in parallel: they wait most of their time. Upstream's runs have 25 on larger machines."""
REPORT_EVERY = 30.0
CONFORMANCE = "Conformance"
"""The label of upstream's conformance tests."""
BROKEN = ("failed", "panicked", "aborted", "interrupted", "timedout")
"""Ginkgo's state of a part that failed."""
_GROUP = re.compile(r"\[sig-([a-z-]+)\]")
_PLANNED = re.compile(r"Will run (\d+) of")
_BULLET = "•"
_FAILED = f"{_BULLET} [FAILED]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test: `state` is passed, failed or skipped; `reason` is its message when it did not pass."""

    name: str
    state: str
    seconds: float
    reason: str = ""

    @property
    def group(self) -> str:
        """The special interest group that the test belongs to."""
        return group_of(self.name)


def group_of(name: str) -> str:
    """The special interest group that a test of this name belongs to."""
    found = _GROUP.search(name)
    return found[1] if found else "other"


@dataclass
class Progress:
    """Counts the finished tests in ginkgo's output, which has a bullet for each."""

    report: Callable[[str], None]
    began: float
    planned: int = 0
    over: int = 0
    failed: int = 0
    reported_at: float = 0.0
    _tail: str = ""
    _head: str = ""

    def read(self, text: str, now: float) -> None:
        """Read a piece of the output."""
        if not self.planned:
            self._head += text
            found = _PLANNED.search(self._head)
            self.planned = int(found[1]) if found else 0
        self.over += text.count(_BULLET)
        # The mark of a failure may be split between two pieces.
        recent = self._tail + text
        self.failed += recent.count(_FAILED)
        self._tail = recent[1 - len(_FAILED) :]
        if self.planned and now - self.reported_at >= REPORT_EVERY:
            self.reported_at = now
            self.report(self._text(now - self.began))

    def _text(self, passed: float) -> str:
        text = f"{self.over} of {self.planned} tests are over after {spell(passed)}, {self.failed} failed"
        if self.over <= self.planned // 20:
            return text
        left = passed / self.over * (self.planned - self.over)
        # Those that need the cluster for themselves come last, one after the other.
        return f"{text}; at this pace {spell(left)} are left, and those that run alone are slower"


def run(
    suite: Path, kubeconfig: Path, place: Path, *, focus: str = "", skip: str = "", labels: str = CONFORMANCE
) -> list[Outcome]:
    """Run the tests with these labels, by default the conformance tests, that match `focus` and not `skip`.

    `suite` has the programs, `place` has kubectl and gets the log and the report. Returns an outcome for every
    conformance test of that version, those that were not run as skipped; of other labels for every test that was run.
    """
    report = place / "report.json"
    command = [
        suite / "ginkgo",
        f"--procs={PROCESSES}",
        "--no-color",
        "--timeout=3h",
        "--silence-skips",
        f"--label-filter={labels}",
        *([f"--focus={focus}"] if focus else []),
        *([f"--skip={skip}"] if skip else []),
        f"--output-dir={place}",
        f"--json-report={report.name}",
        suite / "e2e.test",
        "--",
        f"--kubeconfig={kubeconfig}",
        f"--kubectl-path={place / 'kubectl'}",
        "--provider=skeleton",
        "--disable-log-dump",
        "--dump-logs-on-failure=true",
    ]
    _watch([str(word) for word in command], place / "conformance.log")
    whole = json.loads(report.read_text())
    see_that_it_ran(whole)
    return outcomes(whole) if labels == CONFORMANCE else all_that_ran(whole)


def see_that_it_ran(report: list[dict[str, Any]]) -> None:
    """Fail if the suite itself was cut off: then tests are missing from its report, without a failed one."""
    reasons = [reason for suite in report for reason in suite.get("SpecialSuiteFailureReasons") or ()]
    nodes = [spec for suite in report for spec in suite["SpecReports"] or () if spec["LeafNodeType"] != "It"]
    reasons += [(spec.get("Failure") or {}).get("Message", "") for spec in nodes if spec["State"] in BROKEN]
    assert not reasons, f"the suite did not run as a whole: {'; '.join(reasons)}"


def _watch(command: list[str], log: Path) -> None:
    progress = Progress(say, time.monotonic())
    decoded = codecs.getincrementaldecoder("utf-8")("replace")
    # In a separate process group: it has children that would keep running without it.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    assert process.stdout is not None
    try:
        with log.open("w") as sink:
            # Read available output, not a whole buffer: a finished test is one character.
            while piece := os.read(process.stdout.fileno(), 4096):
                text = decoded.decode(piece)
                sink.write(text)
                sink.flush()
                progress.read(text, time.monotonic())
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()
    say(f"{progress.over} tests in {spell(time.monotonic() - progress.began)}; their log is {log}")


def outcomes(report: list[dict[str, Any]]) -> list[Outcome]:
    """The conformance tests of a report that ginkgo wrote (--json-report), by name."""
    return [outcome for outcome in _outcomes(report) if "[Conformance]" in outcome.name]


def all_that_ran(report: list[dict[str, Any]]) -> list[Outcome]:
    """The tests of a report that were not skipped, by name."""
    return [outcome for outcome in _outcomes(report) if outcome.state != "skipped"]


def _outcomes(report: list[dict[str, Any]]) -> list[Outcome]:
    found = []
    for spec in (spec for suite in report for spec in suite["SpecReports"] or ()):
        name = " ".join((*(spec["ContainerHierarchyTexts"] or ()), spec["LeafNodeText"]))
        if spec["LeafNodeType"] == "It":
            reason = (spec.get("Failure") or {}).get("Message", "")
            state = spec["State"] if spec["State"] in {"passed", "skipped"} else "failed"
            found.append(Outcome(name, state, spec["RunTime"] / 1e9, reason))
    return sorted(found, key=lambda outcome: outcome.name)
