"""One user's requests, however many and slow, do not block other users, and are not blocked forever."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from clusters import services
from clusters.config.schema import Document, Host, JumpHost
from clusters.models import Cluster, Inspection, Probe, Run, Scan
from clusters.remote import target as target_module
from clusters.remote.connection.wire import open_wire
from clusters.remote.errors import ConnectTimedOut
from clusters.remote.target import Target, target_of
from clusters.runs.claims.jobs import Jobs
from clusters.runs.claims.shares import Shares, share
from clusters.runs.jobs import probes
from clusters.runs.jobs.probes import MACHINES_AT_ONCE, Probing
from clusters.runs.worker import Worker
from clusters.selectors import chore_place, probes_place, run_place
from tests.processes import wait_for
from tests.wizard.conftest import visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User
    from django.db.models import QuerySet
    from django.test import Client
    from pytest_django import Settings

    from clusters.selectors.queue import QueuePlace
    from tests.wizard.visitor import Visitor

__all__ = ["visitor"]

threads = pytest.mark.django_db(transaction=True)


def draft(owner: User, machines: int, name: str = "large", timeout: int = 3600) -> Cluster:
    hosts = tuple(
        Host(name=f"{owner.get_username()}-{n}", address=f"10.99.{n // 250}.{n % 250 + 1}", timeout=timeout)
        for n in range(machines)
    )
    return services.draft_create(actor=owner, name=name, document=Document(hosts=hosts))


def queued(owner: User, many: int) -> list[Run]:
    clusters = [Cluster.objects.create(owner=owner, name=f"{owner}-{n}", document="") for n in range(many)]
    return [Run.objects.create(cluster=cluster, document="", asked_by=owner) for cluster in clusters]


def all_over(takes: Probing | Jobs, left: QuerySet[Any]) -> None:
    """Have these taken, as often as places are free, until none of the rows is left."""

    def is_over() -> bool:
        takes.take()
        return not left.exists()

    wait_for(is_over, what="the end of all")


def number(place: QueuePlace | None) -> int:
    """The position of something that waits."""
    assert place is not None
    return place.number


class Held:
    """Pretended work that goes on until the test ends, except that of people who are `quick`."""

    def __init__(self) -> None:
        self.begun: list[Any] = []
        self.quick: set[Any] = set()
        self.over = threading.Event()

    def work(self, row: Any) -> None:
        owner = row.cluster.owner_id
        self.begun.append((owner, row.pk))
        if owner not in self.quick:
            self.over.wait(300)

    def of(self, user: User) -> int:
        return sum(owner == user.pk for owner, _pk in list(self.begun))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held()

    def probe(pk: int, token: str) -> None:
        held.work(Probe.objects.select_related("cluster").get(pk=pk))
        Probe.objects.filter(pk=pk, worker=token).update(state="ok")

    def run(pk: int, *, worker_name: str, **_: Any) -> None:
        Run.objects.filter(pk=pk).update(state="running", worker=worker_name)
        held.work(Run.objects.select_related("cluster").get(pk=pk))
        Run.objects.filter(pk=pk).update(state="succeeded")

    monkeypatch.setattr(probes, "probe_row", probe)
    monkeypatch.setattr("clusters.runs.worker.supervise", run)
    yield held
    held.over.set()


@pytest.mark.parametrize("timeout", [61, 3600, 10**9])
def test_connecting_waits_at_most_a_minute_regardless_of_the_document(timeout: int) -> None:
    host = Host(name="n1", address="10.0.0.1", timeout=timeout, jump_host=JumpHost(hops="10.0.0.2,10.0.0.3"))
    target: Target | None = target_of(host)
    stages = 0
    while target is not None:
        assert target.timeout <= target_module.MOST_SECONDS == 60
        target, stages = target.via, stages + 1
    assert stages == 3
    assert target_of(host.model_copy(update={"timeout": 5})).timeout == 5


def test_the_addresses_of_a_name_share_the_time_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", 22)) for n in range(1, 51)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
    waited: list[float] = []

    def silent(self: socket.socket, address: Any) -> None:
        waited.append(self.gettimeout() or 0)
        raise TimeoutError

    monkeypatch.setattr(socket.socket, "connect", silent)
    with pytest.raises(ConnectTimedOut):
        open_wire(Target("node1", "many.example", timeout=60))
    assert len(waited) == 50
    assert waited[0] == pytest.approx(60 / 50, rel=0.2)


@threads
def test_a_small_test_begins_while_another_persons_many_silent_machines_wait(
    alice: User, bob: User, held: Held, record_property: Callable[[str, object], None]
) -> None:
    services.probes_start(actor=alice, cluster=draft(alice, 3 * MACHINES_AT_ONCE))
    tests = Probing("worker")
    tests.take()
    wait_for(lambda: held.of(alice) == MACHINES_AT_ONCE // 2, what="Alice's share")
    services.probes_start(actor=bob, cluster=draft(bob, 1, "small"))
    asked = time.monotonic()
    held.quick.add(bob.pk)
    tests.take()
    wait_for(lambda: Probe.objects.filter(cluster__owner=bob, state="ok").exists(), what="Bob's test")
    left = Probe.objects.filter(cluster__owner=alice, state="waiting").count()
    record_property("figure", f"Bob's test took {time.monotonic() - asked:.2f} s; {left} of Alice's waited meanwhile")
    assert left == 3 * MACHINES_AT_ONCE - MACHINES_AT_ONCE // 2
    held.over.set()
    all_over(tests, Probe.objects.exclude(state="ok"))


@threads
def test_a_small_run_begins_while_another_persons_large_ones_wait(
    alice: User, bob: User, held: Held, settings: Settings
) -> None:
    settings.SLIPWAY_WORKER_RUNS = 4
    queued(alice, 6)
    worker = Worker()
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        wait_for(lambda: held.of(alice) == 2, what="Alice's share")
        (run,) = queued(bob, 1)
        wait_for(lambda: held.of(bob) == 1, what="Bob's run")
        assert run_place(Run.objects.get(pk=run.pk)) is None
        assert Run.objects.filter(cluster__owner=alice, state="queued").count() == 4
        assert held.of(alice) == 2
        held.over.set()
        wait_for(lambda: not Run.objects.filter(state__in=Run.ACTIVE).exists(), what="the end of all")
    finally:
        held.over.set()
        worker.stop()
        thread.join(90)
    assert not thread.is_alive()


@threads
@pytest.mark.parametrize("kind", [Scan, Inspection])
def test_a_small_scan_or_inspection_begins_while_another_persons_wait(
    alice: User, bob: User, held: Held, kind: type[Scan] | type[Inspection]
) -> None:
    def work(pk: int, token: str, stop: threading.Event) -> None:
        held.work(kind.objects.select_related("cluster").get(pk=pk))
        kind.objects.filter(pk=pk, worker=token).update(state="done")

    chores = Jobs("worker", kind, work, places=2)
    for n in range(5):
        kind.objects.create(cluster=draft(alice, 1, f"a{n}"))
    chores.take()
    wait_for(lambda: held.of(alice) == 1, what="Alice's share")
    mine = kind.objects.create(cluster=draft(bob, 1, "b"))
    chores.take()
    wait_for(lambda: held.of(bob) == 1, what="Bob's")
    mine.refresh_from_db()
    assert (mine.state, held.of(alice)) == ("running", 1)
    held.over.set()
    all_over(chores, kind.objects.exclude(state="done"))


@pytest.mark.thorough
@threads
def test_many_small_tests_of_others_do_not_keep_large_ones_waiting(alice: User, bob: User, held: Held) -> None:
    services.probes_start(actor=alice, cluster=draft(alice, 2 * MACHINES_AT_ONCE))
    small = draft(bob, 3 * MACHINES_AT_ONCE, "small")
    held.quick |= {alice.pk, bob.pk}
    tests = Probing("worker")

    def all_of_alice() -> bool:
        # Whatever Bob's tests come to, he asks for all of them again.
        Probe.objects.filter(cluster=small).delete()
        services.probes_start(actor=bob, cluster=small)
        tests.take()
        return not Probe.objects.filter(cluster__owner=alice).exclude(state="ok").exists()

    wait_for(all_of_alice, what="Alice's tests")


@pytest.mark.parametrize("places", [1, 2, 3, 4, 6, 40])
def test_an_owner_alone_fills_half_of_the_places_and_the_next_one_half_of_the_rest(places: int) -> None:
    busy: Counter[int] = Counter()
    shares = Shares(places)
    for owner in range(1, 9):
        before = sum(busy.values())
        while shares.next_owner([owner], busy) is not None:
            busy[owner] += 1
        assert busy[owner] == share(places, before) == (places - before + 1) // 2
    assert sum(busy.values()) == places


@given(places=st.integers(1, 8), ends=st.lists(st.integers(0, 5), max_size=60))
def test_a_user_without_running_work_does_not_wait_forever(places: int, ends: list[int]) -> None:
    """Six owners always have more waiting, and what is under way ends in any order."""
    shares, busy, owners = Shares(places), Counter[int](), list(range(6))
    since: Counter[int] = Counter()
    rows = _Rows(dict.fromkeys(owners, 1000))
    for end in ends:
        for pk, owner in shares.claims(rows, lambda: busy):  # type: ignore[arg-type]  # as much of a queryset as is read
            assert pk
            busy[owner] += 1
            since[owner] = 0
            for other in owners:
                since[other] += other != owner
        running = [owner for owner in owners if busy[owner]]
        busy[running[end % len(running)]] -= 1
        idle = [owner for owner in owners if not busy[owner]]
        assert all(since[owner] <= 4 * len(owners) * places for owner in idle)


class _Rows:
    """As much of a query as `Shares.claims` asks."""

    def __init__(self, waiting: dict[int, int], owner: int | None = None) -> None:
        self._waiting, self._owner = waiting, owner

    def filter(self, *, cluster__owner_id: int | None) -> _Rows:
        return _Rows(self._waiting, cluster__owner_id or 0)

    def order_by(self, *_: str) -> _Rows:
        return self

    values = annotate = lambda self, *_, **__: self

    def values_list(self, *_: str, flat: bool) -> list[int]:
        if self._owner is None:
            return list(self._waiting)
        return list(range(1, self._waiting[self._owner] + 1))


@pytest.mark.django_db
def test_the_pages_show_the_place_in_the_queue(alice: User, bob: User, client: Client) -> None:
    for run in queued(alice, 3)[:2]:
        Run.objects.filter(pk=run.pk).update(state="running")
    alices = Run.objects.get(cluster__owner=alice, state="queued")
    first, second = queued(bob, 2)
    assert number(run_place(first)) == 1
    assert number(run_place(second)) == 2
    place = run_place(alices)
    assert place is not None
    assert (place.number, place.own, place.held_up) == (3, 2, True)
    client.force_login(alice)
    text = client.get(reverse("run-header", args=[alices.pk])).content.decode()
    assert "At most number 3 in the queue." in text and "each owner has a limited share" in text
    assert 'hx-trigger="every 3s"' in text
    client.force_login(bob)
    text = client.get(reverse("run-header", args=[first.pk])).content.decode()
    assert "number" not in text and "Next in the queue." in text


@pytest.mark.django_db
def test_the_wizard_shows_the_place_in_the_queue(visitor: Visitor, bob: User) -> None:
    other = draft(bob, 4, "other")
    services.probes_start(actor=bob, cluster=other)
    services.probes_start(actor=visitor.cluster.owner, cluster=visitor.cluster)
    place = probes_place(visitor.cluster)
    assert place is not None and (place.number, place.waiting) == (2, 3)
    text = visitor.client.get(f"{visitor.address('connection')}table/").content.decode()
    assert "3 machines are waiting for their tests." in text and "number 2 in the queue" in text
    for kind, tail in ((Scan, "scan/table/"), (Inspection, "")):
        kind.objects.create(cluster=other)
        row = kind.objects.create(cluster=visitor.cluster)
        assert number(chore_place(row)) == 2
        text = (visitor.many(tail) if tail else visitor.get("prechecks")).content.decode()
        assert "number 2 in the queue" in text
        kind.objects.update(state="running")
        assert chore_place(kind.objects.get(pk=row.pk)) is None
