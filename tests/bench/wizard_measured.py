"""The measurements of the wizard in `bench_document`, in a separate process; prints the rows as JSON.

A page of a draft with a thousand machines is saved as the browser saves it while a user types: through every layer down
to a database file, and back as the parts of the page that change.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "installer_site.settings")
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

import installer_site.asgi  # noqa: F401 - as the server's process is set up
from clusters.services import document_of, draft_create
from tests.bench.row import Row
from tests.config.documents import large_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.models import Cluster

MACHINES = 1000
SAVES = 40
MUST = 0.3

Data = dict[str, Any]


def machines(number: int) -> Data:
    """One row that a user types."""
    fields = {"name": "node500", "address": f"10.200.0.{number + 1}", "port": 22, "user": "ubuntu", "arch": "amd64"}
    return {"host-499-row": "499:node500", **{f"host-499-{name}": value for name, value in fields.items()}}


def roles(number: int) -> Data:
    """All boxes, one of which changes."""
    workers = [f"node{n}" for n in range(2, MACHINES + 1) if n != number + 2]
    return {"role-etcd": ["node1"], "role-master": ["node1"], "role-worker": workers}


def endpoint(number: int) -> Data:
    """Another domain."""
    return {"kind": "none", "domain": f"lb{number}.example.com", "port": "6443"}


def kubernetes(number: int) -> Data:
    """Another cluster name."""
    return {"name": "sample", "plugin": "bridge", "cluster_name": f"cluster{number}.local"}


def rows() -> Iterator[Row]:
    """For each page the 95th percentile of the processor's seconds, with the wall's beside it."""
    owner = get_user_model().objects.create_user("bench", password=None)
    client = Client(headers={"HX-Request": "true"})
    client.force_login(owner)
    for page in (machines, roles, endpoint, kubernetes):
        cluster = draft_create(actor=owner, name="bench", document=large_document(MACHINES))
        busy, wall = _saved(client, cluster, page)
        beside = f"on the wall: {_percentile(wall):.3f} s, in the middle {statistics.median(wall):.3f} s"
        what = f"save the page {page.__name__} with {MACHINES} machines, 95th of 100"
        yield Row(what, _percentile(busy), MUST, beside=beside)


def _saved(client: Client, cluster: Cluster, page: Callable[[int], Data]) -> tuple[list[float], list[float]]:
    address = f"/clusters/{cluster.pk}/wizard/{page.__name__}/"
    busy, wall = [], []
    for number in range(SAVES):
        data = {"draft_version": str(number + 1), **page(number)}
        began, on_the_wall = time.process_time(), time.perf_counter()
        answer = client.post(address, urlencode(data, doseq=True), content_type="application/x-www-form-urlencoded")
        busy.append(time.process_time() - began)
        wall.append(time.perf_counter() - on_the_wall)
        if answer.status_code != 200:
            raise ValueError(answer.content)
    cluster.refresh_from_db()
    if cluster.version != SAVES + 1 or len(document_of(cluster).hosts) != MACHINES:
        raise ValueError(f"{page.__name__}: {cluster.version} versions")
    return busy, wall


def _percentile(found: list[float]) -> float:
    return statistics.quantiles(found, n=20)[-1]


if __name__ == "__main__":
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    print(json.dumps([dataclasses.asdict(row) for row in rows()]))
