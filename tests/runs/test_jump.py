"""Runs and checks of machines behind a jump host go through it, over one connection for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters import services
from clusters.config.schema import JumpHost, Network
from clusters.config.secret import Secret
from clusters.engine.check import PRECHECK
from clusters.engine.events import StepChanged
from clusters.models import Inspection
from clusters.remote.host import Cancel
from clusters.runs.access.pinned_host_keys import pin
from clusters.runs.jobs.inspections import inspect_row
from clusters.runs.run_on_machines import run_on_machines
from clusters.runs.task import Task
from tests.config.documents import seed_document
from tests.remote.bastion import LOGIN, Bastion, bastion_before
from tests.sshd import Sshd, sshd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User

    from clusters.config.schema import Document
    from clusters.engine.events import Event

__all__ = ["sshd"]

pytestmark = [pytest.mark.sshd, pytest.mark.django_db(transaction=True)]


class Heard:
    """A sink that stores everything."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        """Store it."""
        self.events.append(event)


@pytest.fixture
def bastion(sshd: Sshd) -> Iterator[Bastion]:
    with bastion_before(sshd) as bastion:
        yield bastion


def behind(bastion: Bastion) -> Document:
    """Three machines, which are all the same sshd, behind the jump host."""
    login: dict[str, Any] = {"address": "127.0.0.1", "port": bastion.behind.port, "user": bastion.behind.user}
    login["password"] = Secret(bastion.behind.password)
    hops = f"{bastion.server.user}@127.0.0.1:{bastion.server.port}"
    seed = seed_document(network=Network(plugin="bridge"))
    return seed.model_copy(
        update={
            "hosts": tuple(host.model_copy(update=login) for host in seed.hosts),
            "jump_host": JumpHost(hops=hops, password=Secret(bastion.server.password)),
        }
    )


def test_a_run_goes_through_the_jump_host(bastion: Bastion) -> None:
    heard = Heard()
    task = Task(behind(bastion), "create", (), bastion.known(), (f"{PRECHECK}/access.facts",))

    run_on_machines(task, heard, Cancel())

    told = {event.host for event in heard.events if isinstance(event, StepChanged)}
    assert {"node1", "node2", "node3"} <= told
    assert bastion.count(LOGIN) == 1
    assert bastion.left()


def test_checks_before_a_run_go_through_it_too(bastion: Bastion, alice: User) -> None:
    cluster = services.draft_create(actor=alice, name="real", document=behind(bastion))
    for server in (bastion.server, bastion.behind):
        pin(cluster.pk, "127.0.0.1", server.port, server.key, by=alice)
    row = Inspection.objects.create(
        cluster=cluster, state="running", worker="token", checks=["access.facts"], hosts=["node1", "node2"]
    )

    inspect_row(row.pk, "token")

    row.refresh_from_db()
    assert (row.state, row.message) == ("done", "")
    assert bastion.count(LOGIN) == 1
