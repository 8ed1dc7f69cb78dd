"""7, 8, 9: killed and cancelled runs: what remains on machines, and what pages show."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse

from clusters.models import Run
from clusters.remote.session.perform import GRACE
from tests.proc import children_of, processes, words_of
from tests.processes import manage, wait_for
from tests.regressions.addresses import content_of
from tests.runs.scenes import FAMILY, cluster_of, worker
from tests.web.site import session_of, site
from tests.web.wire import press

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.contrib.auth.models import User

    from tests.sshd import Sshd

pytestmark = [pytest.mark.early, pytest.mark.django_db(transaction=True)]

TRUTH_SECONDS = 30
"""Within this time a run whose server was killed shows its true state. Its lease is 2 s here, 30 s by default."""


def processes_of(first_words: list[str]) -> list[int]:
    """The processes whose command line starts with these words."""
    return [pid for pid in processes() if words_of(pid)[: len(first_words)] == first_words]


@pytest.fixture
def person(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def text_of(person: Client, run: Run, name: str) -> str:
    return content_of(person.get(reverse(name, args=[run.pk])))


@pytest.mark.processes
def test_07_a_killed_server_leaves_a_truthful_state_and_buttons_that_work(
    make_run: Callable[..., Run], alice: User
) -> None:
    run, session = make_run(), session_of(alice)
    with site() as pages:
        with manage("work") as worker_process:
            wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 5, what="the first lines")
            worker_process.kill()
            pages.stop()
        pages.start()
        person = Client()
        person.force_login(alice)
        wait_for(lambda: "no heartbeat" in text_of(person, run, "run-header"), TRUTH_SECONDS, "the truth")
        assert press(pages.port, reverse("run-cancel", args=[run.pk]), session) == 302
        assert Run.objects.get(pk=run.pk).state == "cancelling"
        with manage("work"):
            wait_for(lambda: Run.objects.get(pk=run.pk).state == "cancelled", TRUTH_SECONDS, "the end")
            assert "no heartbeat" not in text_of(person, run, "run-header")
            assert press(pages.port, reverse("run-retry", args=[run.pk]), session) == 302
            again = Run.objects.latest("pk")
            assert again.attempt == 2
            wait_for(lambda: Run.objects.get(pk=again.pk).state == "succeeded", TRUTH_SECONDS, "the second attempt")


def states_until(true: Callable[[], bool], run: Run) -> set[str]:
    """The states of a run until a condition holds; the test fails when the run ends before."""
    seen, until = {Run.objects.get(pk=run.pk).state}, time.monotonic() + 120
    while not true():
        assert seen == {"cancelling"} and time.monotonic() < until
        time.sleep(1)
        seen.add(Run.objects.get(pk=run.pk).state)
    return seen


@pytest.mark.sshd
@pytest.mark.timeout(480)
def test_08_after_a_cancel_nothing_of_a_command_is_left_anywhere(
    person: Client, alice: User, sshd: Sshd, tmp_path: Path
) -> None:
    cluster = cluster_of(alice, sshd, "node1", "node2")
    run = Run.objects.create(cluster=cluster, document=cluster.document, asked_by=alice)
    gentle, stubborn = ["sleep", "5101.25"], ["sleep", "5102.25"]
    shell = ["/bin/sh", "-c", FAMILY.split("/bin/sh -c '")[2].partition("' &")[0]]
    with worker("family", tmp_path) as process:
        wait_for(lambda: len(processes_of(gentle)) == 6 and len(processes_of(stubborn)) == 2, 120, "all its processes")
        idle = set(children_of(process.pid))
        began = time.monotonic()
        person.post(reverse("run-cancel", args=[run.pk]))
        said = text_of(person, run, "run-header")
        assert "alice requested cancellation" in said
        assert "got SIGTERM. If it still runs after 30 s, it gets SIGKILL." in said
        wait_for(lambda: not processes_of(gentle), 120, "the end of those that listen")
        # Processes that ignore SIGTERM have half a minute from then.
        assert "cancelling" in states_until(lambda: not processes_of(shell), run)
        assert time.monotonic() - began > GRACE
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, 120, "the end of the run")
        assert set(children_of(process.pid)) <= idle == set()
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert processes_of(gentle) == processes_of(stubborn) == processes_of(shell) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.processes
def test_09_a_cancel_or_a_kill_keeps_the_log(make_run: Callable[..., Run], person: Client) -> None:
    for end in ("cancel", "kill"):
        run = make_run()
        with manage("work", SLIPWAY_LEASE_SECONDS="2") as process:
            wait_for(Run.objects.filter(pk=run.pk, last_line__gt=10).exists, what="the first lines")
            seen = content_of(person.get(reverse("run-log-text", args=[run.pk]), {"times": "no"})).split("\n\n", 1)[-1]
            if end == "kill":
                process.kill()
            else:
                person.post(reverse("run-cancel", args=[run.pk]))
                wait_for(Run.objects.filter(pk=run.pk, finished_at__isnull=False).exists, what="the end of the run")
        after = content_of(person.get(reverse("run-log-text", args=[run.pk]), {"times": "no"}))
        lines = [line for line in seen.splitlines() if line.startswith("pid ")]
        assert len(lines) > 10
        assert [line for line in after.splitlines() if line.startswith("pid ")][: len(lines)] == lines
        rows = list(run.events.order_by("seq").values_list("seq", flat=True))
        assert rows == list(range(1, len(rows) + 1))
        Run.objects.filter(pk=run.pk).update(state="cancelled")
