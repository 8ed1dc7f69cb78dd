"""Who is answered at all, and who may see what: one's own clusters and runs, and everything for superusers."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from django.dispatch import Signal
from django.http import Http404

from clusters.models import Account, Cluster, Run

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.db.models import QuerySet


class Admission(Enum):
    """What Slipway does for a person now, on pages and on live sockets."""

    GRANTED = "granted"
    SIGNED_OUT = "signed out"
    OWN_PASSWORD_FIRST = "own password first"  # noqa: S105 - no password


foreign_cluster_opened = Signal()
"""Sent with `user` and `cluster` before somebody is shown a cluster, or a run of one, that is not theirs: the audit
listens (`clusters.services.openings`). Every page asks here, so that none is forgotten."""

foreign_credential_opened = Signal()
"""The same for a credential, with `user` and `credential`."""


def admission_of(user: AbstractBaseUser | AnonymousUser) -> Admission:
    """Whether somebody is answered. Pages and sockets ask here, so that neither opens what the other one refuses.

    Who the user of a session is says the session engine: one that has expired or was idle for too long has none, and
    neither has that of a deactivated account or of an old password.
    """
    if not user.is_authenticated:
        return Admission.SIGNED_OUT
    return Admission.OWN_PASSWORD_FIRST if has_one_time_password(user) else Admission.GRANTED


def has_one_time_password(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether the person got the password from somebody else, and has to choose another one before anything else."""
    return Account.objects.filter(user_id=user.pk, must_change_password=True).exists()


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
    note_if_foreign(user, cluster)
    return cluster


def run_visible(user: AbstractBaseUser | AnonymousUser, pk: int) -> bool:
    """Whether there is such a run for this person; cheaper than `run_for`, which reads and decrypts it."""
    return Run.objects.filter(pk=pk, cluster__in=clusters_for(user)).exists()


def run_for(user: AbstractBaseUser | AnonymousUser, pk: int) -> Run:
    """That run; Http404 when there is none or it is somebody else's."""
    run = Run.objects.select_related("cluster").filter(pk=pk, cluster__in=clusters_for(user)).first()
    if run is None:
        raise Http404("There is no such run.")
    note_if_foreign(user, run.cluster)
    return run


def note_if_foreign(user: AbstractBaseUser | AnonymousUser, cluster: Cluster) -> None:
    """Before a person is shown a cluster, or something of one: unless it is their own, the audit has to know."""
    if cluster.owner_id != user.pk:
        foreign_cluster_opened.send(sender=Cluster, user=user, cluster=cluster)
