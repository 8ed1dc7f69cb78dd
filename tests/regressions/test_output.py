"""15: animated output is stored as its last frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.models import Run
from tests.processes import wait_for
from tests.runs.scenes import cluster_of, worker

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import User

    from tests.sshd import Sshd

pytestmark = [pytest.mark.sshd, pytest.mark.django_db(transaction=True)]

ARROWS = ("»", " »", "  »", "   »")


def drawing(frames: int) -> bytes:
    """A moving arrow as in KubeKey, a counter, and a spinner that uses only carriage returns."""
    arrow = "".join(
        f"\x1b[1A\x1b[2KPlease wait for the installation to complete: {ARROWS[n % 4]}\n" for n in range(frames)
    )
    counter = "".join(f"\x1b[2K\x1b[Gpulled {n} of {frames}\n" for n in range(1, frames + 1))
    spinner = "\r".join(f"working {'|/-'[n % 3]}" for n in range(frames)) + "\n"
    return ("before\n" + arrow + "between\n" + counter + "between\n" + spinner + "after\n").encode()


def test_15_a_drawing_that_moves_is_stored_as_one_line(alice: User, sshd: Sshd, tmp_path: Path) -> None:
    cluster = cluster_of(alice, sshd, "node1")
    (tmp_path / "node1.output").write_bytes(drawing(3_000))
    run = Run.objects.create(cluster=cluster, document=cluster.document, asked_by=alice)
    with worker("talkative", tmp_path):
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    rows = run.events.filter(kind="output").order_by("seq")
    texts = [line[2].strip() for row in rows for line in row.data["lines"] if line[1] != "note"]
    assert texts == [
        "before",
        "Please wait for the installation to complete: »",
        "between",
        "pulled 1 of 3000",
        "pulled 3000 of 3000",
        "between",
        "working -",
        "after",
    ]
