"""Who may see what: one's own clusters and runs, and everything for superusers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.dispatch import Signal
from django.http import Http404

from clusters.models import Cluster, Run

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.db.models import QuerySet

foreign_cluster_opened = Signal()
"""Sent with `user` and `cluster` before somebody is shown a cluster, or a run of one, that is not theirs: the audit
listens (`clusters.services.openings`). Every page asks here, so that none is forgotten."""


def clusters_for(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Cluster]:
    """The clusters this person may see, newest first."""
    if not user.is_authenticated:
        return Cluster.objects.none()
    return Cluster.objects.all() if getattr(user, "is_superuser", False) else Cluster.objects.filter(owner=user)


def cluster_for(user: AbstractBaseUser | AnonymousUser, pk: int) -> Cluster:
    """That cluster; Http404 when there is none or it is somebody else's, which look the same from outside."""
    cluster = clusters_for(user).filter(pk=pk).first()
    if cluster is None:
        raise Http404("There is no such cluster.")
    _tell_if_foreign(user, cluster)
    return cluster


def run_visible(user: AbstractBaseUser | AnonymousUser, pk: int) -> bool:
    """Whether there is such a run for this person; cheaper than `run_for`, which reads and decrypts it."""
    return Run.objects.filter(pk=pk, cluster__in=clusters_for(user)).exists()


def run_for(user: AbstractBaseUser | AnonymousUser, pk: int) -> Run:
    """That run; Http404 when there is none or it is somebody else's."""
    run = Run.objects.select_related("cluster").filter(pk=pk, cluster__in=clusters_for(user)).first()
    if run is None:
        raise Http404("There is no such run.")
    _tell_if_foreign(user, run.cluster)
    return run


def _tell_if_foreign(user: AbstractBaseUser | AnonymousUser, cluster: Cluster) -> None:
    if cluster.owner_id != user.pk:
        foreign_cluster_opened.send(sender=Cluster, user=user, cluster=cluster)
