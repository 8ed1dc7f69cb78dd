"""One machine that is everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ha import layouts
from tests.ha.installed import install, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def test_all_in_one_installs_runs_pods_and_a_second_run_changes_nothing(
    lab: Lab, lab_bundle: Path, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    cluster = install(lab, layouts.ALL_IN_ONE, lab_bundle, tmp_path)
    assert cluster.ready_nodes() == {"node1"}
    assert "nothing changed" in cluster.create()
    lab.kill("node1")
    lab.start("node1")
    took = wait_until(lambda: cluster.ready_nodes() == {"node1"}, 180, "the only node to be back after a power cut")
    figure(f"back {took:.0f} s after it was switched on")
