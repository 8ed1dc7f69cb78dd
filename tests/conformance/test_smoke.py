"""A tenth of upstream's conformance tests, on a cluster that Slipway installed: none may fail."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.conformance import selection, suite
from tests.conformance.cluster import kubeconfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.ha.installed import Installed

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]
FEWEST = 0.1
"""The share of all conformance tests that runs here."""


def test_a_tenth_of_upstreams_tests_pass(
    cluster: Installed, conformance_suite: Path, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    began = time.monotonic()
    settings = kubeconfig(cluster, tmp_path)
    outcomes = suite.run(conformance_suite, settings, tmp_path, focus=selection.smoke_expression())
    run = [each for each in outcomes if each.state != "skipped"]
    assert [f"{each.name}: {each.reason}" for each in run if each.state == "failed"] == []
    for subject, expressions in selection.SMOKE.items():
        for expression in expressions:
            assert any(re.search(expression, each.name) for each in run), f"{subject}: no test is named {expression}"
    assert len(run) >= FEWEST * len(outcomes), f"{len(run)} of {len(outcomes)} are less than a tenth"
    figure(f"{len(run)} of upstream's {len(outcomes)} conformance tests in {time.monotonic() - began:.0f} s")
