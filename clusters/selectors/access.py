"""Who is admitted, and who may see what: users their own clusters and runs, superusers everything."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from django.dispatch import Signal
from django.http import Http404

from clusters.models import Account, Cluster, Run

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User
    from django.db.models import QuerySet


class Admission(Enum):
    """Whether Slipway answers a user, on pages and on live sockets."""

    GRANTED = "granted"
    SIGNED_OUT = "signed out"
    OWN_PASSWORD_FIRST = "own password first"  # noqa: S105 - no password


foreign_cluster_opened = Signal()
"""Sent with `user` and `cluster` before a user is shown another user's cluster, or a run of one: the audit listens
(`clusters.services.openings`). Every page gets clusters from here, so that none is forgotten."""

foreign_credential_opened = Signal()
"""The same for a credential, with `user` and `credential`."""


def admission_of(user: User | AnonymousUser) -> Admission:
    """Whether a user is admitted. Pages and sockets call this, so that neither opens what the other one refuses.

    The session engine finds the user of a session: there is none if the session has expired or was idle for too long,
    if the account is deactivated, or if the password has changed.
    """
    if not user.is_authenticated:
        return Admission.SIGNED_OUT
    return Admission.OWN_PASSWORD_FIRST if has_one_time_password(user) else Admission.GRANTED


def has_one_time_password(user: User) -> bool:
    """Whether someone else set the user's password, so that the user must choose a new one first."""
    return Account.objects.filter(user_id=user.pk, must_change_password=True).exists()


def clusters_for(user: User | AnonymousUser) -> QuerySet[Cluster]:
    """The clusters that this user may see, newest first."""
    if not user.is_authenticated:
        return Cluster.objects.none()
    return Cluster.objects.all() if getattr(user, "is_superuser", False) else Cluster.objects.filter(owner=user)


def cluster_for(user: User | AnonymousUser, pk: int) -> Cluster:
    """The cluster; Http404 when there is none or it belongs to another user, which look the same from outside."""
    cluster = clusters_for(user).filter(pk=pk).first()
    if cluster is None:
        raise Http404("There is no such cluster.")
    note_if_foreign(user, cluster)
    return cluster


def run_visible(user: User | AnonymousUser, pk: int) -> bool:
    """Whether this user may see the run; cheaper than `run_for`, which reads and decrypts it."""
    return Run.objects.filter(pk=pk, cluster__in=clusters_for(user)).exists()


def run_for(user: User | AnonymousUser, pk: int) -> Run:
    """The run; Http404 when there is none or it belongs to another user."""
    run = Run.objects.select_related("cluster").filter(pk=pk, cluster__in=clusters_for(user)).first()
    if run is None:
        raise Http404("There is no such run.")
    note_if_foreign(user, run.cluster)
    return run


def note_if_foreign(user: User | AnonymousUser, cluster: Cluster) -> None:
    """Call it before a user is shown a cluster, or part of one: the audit records it unless the cluster is theirs."""
    if cluster.owner_id != user.pk:
        foreign_cluster_opened.send(sender=Cluster, user=user, cluster=cluster)
