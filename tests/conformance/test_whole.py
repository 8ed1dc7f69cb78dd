"""All of upstream's conformance tests, on a cluster that Slipway installed; the results go to docs/conformance.md."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.conformance import report, selection, suite
from tests.conformance.cluster import kubeconfig, loaded

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ha.installed import Installed

FEWEST = 400
"""1.37 has 462."""
pytestmark = [pytest.mark.lab, pytest.mark.conformance, pytest.mark.timeout(4 * 3600)]


def test_no_conformance_test_fails(cluster: Installed, conformance_suite: Path, tmp_path: Path) -> None:
    facts = report.facts(cluster)
    began = time.monotonic()
    outcomes = suite.run(
        conformance_suite,
        kubeconfig(cluster, tmp_path),
        tmp_path,
        skip="|".join(selection.NOT_HERE),
    )
    report.PAGE.write_text(report.page(outcomes, facts, time.monotonic() - began, loaded(conformance_suite)))
    assert [f"{each.name}: {each.reason}" for each in outcomes if each.state == "failed"] == []
    skipped = [each.name for each in outcomes if each.state == "skipped"]
    assert [name for name in skipped if not any(re.search(known, name) for known in selection.NOT_HERE)] == []
    assert len(outcomes) - len(skipped) >= FEWEST
