"""Cluster: which of its runs is not over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.models import Cluster, Run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("state", ["queued", "running", "cancelling"])
def test_an_unfinished_run_is_the_active_one(cluster: Cluster, make_run: Callable[..., Run], state: str) -> None:
    make_run(state="failed")
    run = make_run(state=state)
    make_run(state="succeeded")
    assert cluster.active_run == run


def test_a_cluster_whose_runs_are_over_has_no_active_run(cluster: Cluster, make_run: Callable[..., Run]) -> None:
    for state in ("succeeded", "failed", "cancelled"):
        make_run(state=state)
    assert cluster.active_run is None


def test_the_active_run_does_not_load_the_document(cluster: Cluster, make_run: Callable[..., Run]) -> None:
    make_run(state="running")
    assert cluster.active_run is not None
    assert cluster.active_run.get_deferred_fields() == {"document", "plan"}
