"""After a failure, with a real worker and real machines: each button does what it promises, and no more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from clusters.models import Cluster, Run
from tests.processes import wait_for
from tests.runs.scenes import cluster_of, worker
from tests.sshd import sshd

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import User
    from django.test import Client

    from tests.sshd import Sshd

__all__ = ["sshd"]

pytestmark = [pytest.mark.sshd, pytest.mark.django_db(transaction=True)]

MACHINES = ("node1", "node2")


class Attempts:
    """The attempts on one cluster, started as by a browser, and their traces on the machines."""

    def __init__(self, person: Client, cluster: Cluster, place: Path) -> None:
        self.person, self.cluster, self.place = person, cluster, place

    def first(self) -> Run:
        """The first attempt, after its end."""
        return self._over(Run.objects.create(cluster=self.cluster, document=self.cluster.document,
                                             asked_by=self.cluster.owner))  # fmt: skip

    def press(self, run: Run, button: str = "run-retry", **fields: str) -> Run:
        """A further attempt, after its end, from a button on the page of that run."""
        answer = self.person.post(reverse(button, args=[run.pk]), fields)
        again = Run.objects.latest("pk")
        assert answer["Location"] == reverse("run", args=[again.pk])
        assert (again.retry_of_id, again.attempt) == (run.pk, run.attempt + 1)
        return self._over(again)

    def header(self, run: Run) -> str:
        """The text at the top of the page."""
        return self.person.get(reverse("run-header", args=[run.pk])).content.decode()

    def count(self, name: str, what: str) -> list[int]:
        """How many actions of a step, or checks of its wanted states, each machine has seen."""
        signs = (self.place / f"{host}.{name}.{what}" for host in MACHINES)
        return [len(sign.read_text().splitlines()) if sign.exists() else 0 for sign in signs]

    def _over(self, run: Run) -> Run:
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the attempt")
        return Run.objects.get(pk=run.pk)


@pytest.fixture
def attempts(client: Client, alice: User, sshd: Sshd, tmp_path: Path) -> Attempts:
    client.force_login(alice)
    return Attempts(client, cluster_of(alice, sshd, *MACHINES), tmp_path)


def states(run: Run) -> dict[tuple[str, str], str]:
    """The state of each step on each machine."""
    return {(step, host): state for step, host, state in run.steps.values_list("step", "host", "state")}


def test_retry_this_step_runs_it_alone_and_then_offers_the_rest(attempts: Attempts) -> None:
    (attempts.place / "node2.second.broken").touch()
    with worker("three_steps", attempts.place):
        failed = attempts.first()
        assert (failed.state, failed.failures[0]["step"]) == ("failed", "kubernetes/join")
        assert "Retry this step" in attempts.header(failed)
        looks = attempts.count("first", "looks")
        still = attempts.press(failed, step="kubernetes/join")
        assert (still.state, still.part) == ("failed", "step")
        assert states(still)[("kubernetes/join", "node2")] == "failed"
        (attempts.place / "node2.second.broken").unlink()
        alone = attempts.press(still, step="kubernetes/join")
        assert alone.state == "succeeded"
        assert {step for step, _host in states(alone)} == {"precheck/time.skew", "kubernetes/join"}
        assert attempts.count("second", "deeds") == [1, 1]
        # Neither earlier nor later steps were touched, and nothing claims that the cluster is ready.
        assert attempts.count("first", "looks") == looks
        assert attempts.count("third", "looks") == [0, 0]
        said = attempts.header(alone)
        assert "The step is done" in said
        assert "Run the rest" in said
        assert "is installed" not in said
        assert Cluster.objects.get().state != "ready"
        whole = attempts.press(alone)
    assert (whole.state, whole.part) == ("succeeded", "")
    assert "is installed" in attempts.header(whole)
    assert Cluster.objects.get().state == "ready"
    for name in ("first", "second", "third"):
        assert attempts.count(name, "deeds") == [1, 1]
    assert states(whole)[("kubernetes/join", "node2")] == "same"
    # Every attempt stays, and leads to the others.
    for run in (failed, still, alone, whole):
        links = re.findall(r'href="/runs/(\d+)/" data-key="attempt-\d+"(\s+aria-current="true")?', attempts.header(run))
        assert [int(pk) for pk, _here in links] == [failed.pk, still.pk, alone.pk, whole.pk]
        assert [int(pk) for pk, here in links if here] == [run.pk]
    assert list(Run.objects.order_by("pk").values_list("state", flat=True)) == [
        "failed", "failed", "succeeded", "succeeded"]  # fmt: skip


def test_retry_from_here_runs_this_and_later_steps_only(attempts: Attempts) -> None:
    (attempts.place / "node2.second.broken").touch()
    with worker("three_steps", attempts.place):
        failed = attempts.first()
        looks = attempts.count("first", "looks")
        (attempts.place / "node2.second.broken").unlink()
        rest = attempts.press(failed, **{"from": "kubernetes/join"})
    assert (rest.state, rest.part) == ("succeeded", "rest")
    assert attempts.count("first", "looks") == looks
    assert attempts.count("second", "deeds") == attempts.count("third", "deeds") == [1, 1]
    assert "os/swap" not in {step for step, _host in states(rest)}
    assert Cluster.objects.get().state == "ready"


def test_a_waived_precheck_runs_again_and_no_longer_blocks(attempts: Attempts) -> None:
    (attempts.place / "node2.skewed").touch()
    with worker("three_steps", attempts.place):
        failed = attempts.first()
        assert failed.failures[0]["step"] == "precheck/time.skew"
        assert attempts.count("first", "looks") == [0, 0]
        assert "Waive and retry" in attempts.header(failed)
        over = attempts.press(failed, "run-waive", check="time.skew", reason="this hall has no time server")
    assert over.state == "succeeded"
    assert states(over)[("precheck/time.skew", "node2")] == "warning"
    assert attempts.count("third", "deeds") == [1, 1]
    assert "because “this hall has no time server”" in attempts.header(over)
