"""claim(): a row belongs to the first process that claims it, until its lease expires."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from clusters.models import Inspection, Notice, Probe, Scan
from clusters.runs.claims.claim import claim

if TYPE_CHECKING:
    from clusters.models import Cluster

    JobModel = type[Probe] | type[Scan] | type[Inspection]

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", [Probe, Scan, Inspection])
def test_a_job_is_claimed_once(cluster: Cluster, model: JobModel) -> None:
    row = model.objects.create(cluster=cluster)
    assert claim(model.claimable(), row.pk, state="running", worker="one")
    assert not claim(model.claimable(), row.pk, state="running", worker="two")
    row.refresh_from_db()
    assert (row.worker, row.active) == ("one", True)


@pytest.mark.parametrize("model", [Probe, Scan, Inspection])
def test_a_job_with_an_expired_lease_is_claimed_again(cluster: Cluster, model: JobModel) -> None:
    expired = timezone.now() - timedelta(seconds=1)
    row = model.objects.create(cluster=cluster, state="running", worker="one", lease_until=expired)
    assert not claim(model.claimable(still_running=["one"]), row.pk, worker="two")
    assert claim(model.claimable(), row.pk, worker="two")
    row.refresh_from_db()
    assert row.worker == "two" and row.lease_until is not None and row.lease_until > timezone.now()


def test_a_job_that_is_over_is_not_claimed(cluster: Cluster) -> None:
    row = Scan.objects.create(cluster=cluster, state="done")
    assert not claim(Scan.claimable(), row.pk, state="running")


def test_a_claim_sets_the_length_of_its_lease(cluster: Cluster) -> None:
    row = Notice.objects.create(way="mail", key="k")
    assert claim(Notice.objects.filter(Notice.without_lease()), row.pk, seconds=60)
    row.refresh_from_db()
    assert row.lease_until is not None
    assert timedelta(seconds=50) < row.lease_until - timezone.now() <= timedelta(seconds=60)
    assert not claim(Notice.objects.filter(Notice.without_lease()), row.pk, seconds=60)
