"""Programs and images of upstream's conformance tests have the version that the lab builds, and the expected names."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conformance import report, selection, suite, test_smoke
from tests.conformance.cluster import loaded
from tests.lab import bundle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab


def test_every_image_has_a_name_that_the_tests_ask_for(conformance_suite: Path) -> None:
    done = subprocess.run([conformance_suite / "e2e.test", "--list-images"], capture_output=True, text=True, check=True)
    required = set(done.stdout.split())
    built = set(loaded(conformance_suite))
    assert built - required == set()
    assert {name.rpartition("/")[2].partition(":")[0] for name in built} >= {"agnhost", "busybox", "nginx", "etcd"}


def test_the_page_names_the_contents_of_every_image(conformance_suite: Path) -> None:
    page = report.page([], report.Facts("", "", "", "", ""), 1, loaded(conformance_suite))
    images = page[page.index("| image |") :]
    assert report.NO_RECIPE not in images and images.strip() in report.PAGE.read_text()


def test_the_smoke_test_is_a_tenth_of_all(conformance_suite: Path, tmp_path: Path) -> None:
    report_file = tmp_path / "report.json"
    command = [str(conformance_suite / "e2e.test"), "--ginkgo.dry-run", "--ginkgo.label-filter=Conformance"]
    subprocess.run([*command, f"--ginkgo.json-report={report_file}"], capture_output=True, check=True)
    every = suite.outcomes(json.loads(report_file.read_text()))
    meant = [each for each in every if re.search(selection.smoke_expression(), each.name)]
    assert len(every) > 400 and len(meant) >= test_smoke.FEWEST * len(every)


def test_the_tests_are_of_the_version_that_is_built(conformance_suite: Path) -> None:
    done = subprocess.run([conformance_suite / "e2e.test", "--version"], capture_output=True, text=True)
    assert bundle.NEWEST.kubernetes.version in done.stdout + done.stderr
