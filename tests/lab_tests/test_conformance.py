"""What upstream's conformance tests are run with is of the version that the lab builds, named as they ask for it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conformance.cluster import names_in
from tests.lab import bundle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab


def test_every_image_has_a_name_that_the_tests_ask_for(conformance_suite: Path) -> None:
    said = subprocess.run([conformance_suite / "e2e.test", "--list-images"], capture_output=True, text=True, check=True)
    asked = set(said.stdout.split())
    made = {name for archive in (conformance_suite / "images").iterdir() for name in names_in(archive)}
    assert made - asked == set()
    assert {name.rpartition("/")[2].partition(":")[0] for name in made} >= {"agnhost", "busybox", "nginx", "etcd"}


def test_the_tests_are_of_the_version_that_is_built(conformance_suite: Path) -> None:
    said = subprocess.run([conformance_suite / "e2e.test", "--version"], capture_output=True, text=True)
    assert bundle.NEWEST.kubernetes.version in said.stdout + said.stderr
