"""Leases of a process that was paused: it claims nothing twice, and the pause is not a jump of the clock."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from clusters.models import Probe, Run
from clusters.runs.claims import leases
from clusters.runs.jobs import probes
from clusters.services import probes_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django import Settings

    from clusters.models import Cluster


@pytest.fixture
def tested(monkeypatch: pytest.MonkeyPatch, worker: Callable[[str], probes.Probing]) -> Iterator[list[int]]:
    """The rows whose tests were started; they end with this test, and the workers wait for them after that."""
    begun: list[int] = []
    over = threading.Event()

    def begin(pk: int, token: str) -> None:
        begun.append(pk)
        over.wait(60)

    monkeypatch.setattr(probes, "probe_row", begin)
    yield begun
    over.set()


@pytest.fixture
def worker() -> Iterator[Callable[[str], probes.Probing]]:
    """Creates workers that test connections."""
    made: list[probes.Probing] = []

    def make(name: str) -> probes.Probing:
        made.append(probes.Probing(name))
        return made[-1]

    yield make
    for one in made:
        one._pool.shutdown(wait=True, cancel_futures=True)


@pytest.mark.django_db(transaction=True)
def test_a_worker_does_not_restart_its_own_test_after_a_late_renewal(
    cluster: Cluster, tested: list[int], worker: Callable[[str], probes.Probing]
) -> None:
    one, other = worker("one"), worker("other")
    try:
        probes_start(actor=cluster.owner, cluster=cluster, hosts=["node1"])
        one.take()
        mine = Probe.objects.get().worker
        Probe.objects.update(lease_until=timezone.now() - timedelta(seconds=5))
        one.take()
        assert Probe.objects.get().worker == mine
        other.take()
        assert Probe.objects.get().worker.startswith("other/")
    finally:
        one.stop()
        other.stop()


def clocks(monkeypatch: pytest.MonkeyPatch, turns: list[float]) -> None:
    """Clocks of a process that is paused this long after reading each one."""
    now = [1_000.0]
    left = iter(turns)

    def look(add: float) -> float:
        found = now[0] + add
        now[0] += next(left)
        return found

    monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=lambda: look(0.0)))
    wall: Any = SimpleNamespace(now=lambda: SimpleNamespace(timestamp=lambda: look(500.0)))
    monkeypatch.setattr(leases, "timezone", wall)


@pytest.mark.parametrize("turns", [[7.0, 0.0, 0.0], [0.0, 7.0, 0.0]])
def test_a_pause_between_reading_two_clocks_is_not_a_jump(monkeypatch: pytest.MonkeyPatch, turns: list[float]) -> None:
    clocks(monkeypatch, [*turns, 0.0, 0.0, 0.0])
    assert leases._clock_offset() == pytest.approx(500, abs=0.1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("worker", "state", "count"), [("one", "succeeded", 0), ("two", "running", 1)])
def test_a_heartbeat_after_the_end_of_a_run_reports_no_takeover(
    make_run: Callable[..., Run], settings: Settings, worker: str, state: str, count: int
) -> None:
    settings.SLIPWAY_HEARTBEAT_SECONDS = 0.0
    lost: list[str] = []
    run = make_run(state="running", worker="one", lease_until=timezone.now() + timedelta(seconds=300))
    beat = leases.Heartbeat(run, on_lost=lost.append, on_cancel=lambda: None)
    assert beat._look()
    Run.objects.filter(pk=run.pk).update(worker=worker, state=state)
    assert not beat._look()
    assert len(lost) == count
