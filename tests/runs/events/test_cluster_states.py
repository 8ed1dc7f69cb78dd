"""The state of a cluster after a run: a run that only checked leaves it as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from clusters.models import StepRun
from clusters.runs.events.store import recipe_ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.models import Cluster, Run

pytestmark = pytest.mark.django_db

CHECKED, STEPPED = ("precheck/os.version",), ("precheck/os.version", "os/names")


@pytest.mark.parametrize(
    ("before", "started", "end", "after"),
    [
        ("ready", CHECKED, "failed", "ready"),
        ("ready", STEPPED, "failed", "failed"),
        ("ready", CHECKED, "cancelled", "ready"),
        ("ready", STEPPED, "part", "ready"),
        ("failed", CHECKED, "failed", "failed"),
        ("failed", CHECKED, "cancelled", "failed"),
        ("failed", STEPPED, "part", "failed"),
        ("draft", CHECKED, "failed", "draft"),
        ("draft", STEPPED, "failed", "failed"),
        ("draft", (), "cancelled", "draft"),
        ("draft", STEPPED, "cancelled", "failed"),
        ("draft", STEPPED, "succeeded", "ready"),
        ("failed", STEPPED, "succeeded", "ready"),
        ("", STEPPED, "cancelled", "failed"),
    ],
)
def test_the_state_after_a_run(
    cluster: Cluster, make_run: Callable[..., Run], before: str, started: tuple[str, ...], end: str, after: str
) -> None:
    run = ended(make_run, before, started)
    recipe_ended(run, end)
    cluster.refresh_from_db()
    assert cluster.state == after


def test_after_a_takeover_the_steps_of_the_first_worker_count(cluster: Cluster, make_run: Callable[..., Run]) -> None:
    """A new worker plans again, so that nothing shows which steps the first one began."""
    recipe_ended(ended(make_run, "ready", CHECKED, takeovers=1), "failed")
    cluster.refresh_from_db()
    assert cluster.state == "failed"


def test_a_failed_check_does_not_count_for_the_next_run(cluster: Cluster, make_run: Callable[..., Run]) -> None:
    for end in ("failed", "cancelled"):
        recipe_ended(ended(make_run, "ready", CHECKED, state=end), end)
    cluster.refresh_from_db()
    assert cluster.state == "ready"


def ended(make_run: Callable[..., Run], before: str, started: tuple[str, ...], **fields: object) -> Run:
    """A run of a cluster in the state `before`, in which these steps started."""
    run = make_run(cluster_before=before, **{"state": "failed", **fields})
    for place, path in enumerate(started):
        StepRun.objects.create(
            run=run, step=path, title=path, position=place, host="node1", state="failed", started_at=timezone.now()
        )
    StepRun.objects.create(run=run, step="os/swap", title="swap", position=9, host="node1", state="skipped")
    return run
