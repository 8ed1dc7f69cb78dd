"""Audit entries for opening another user's cluster or credential, by a right over all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from clusters.selectors.access import foreign_cluster_opened, foreign_credential_opened
from clusters.services.audit import audited_once

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from clusters.models import Cluster, Credential

OPEN, OPEN_CREDENTIAL = "cluster.open", "credential.open"
ONCE_IN = timedelta(hours=1)
"""A page requests its parts every second; one entry an hour for each session and object records that it was open."""


@receiver(foreign_cluster_opened)
def cluster_opened(sender: Any, user: User, cluster: Cluster, **kwargs: Any) -> None:
    """If the entry cannot be written, the page is not shown."""
    same = {"details__cluster": cluster.pk}
    audited_once(
        OPEN, cluster.name, within=ONCE_IN, same=same, actor=user, cluster=cluster.pk, owner=_name(cluster.owner)
    )


@receiver(foreign_credential_opened)
def credential_opened(sender: Any, user: User, credential: Credential, **kwargs: Any) -> None:
    """Its page shows the login and who may use it, never a secret."""
    same = {"details__credential": credential.pk}
    audited_once(
        OPEN_CREDENTIAL, credential.name, within=ONCE_IN, same=same, actor=user,
        credential=credential.pk, owner=_name(credential.owner),
    )  # fmt: skip


def _name(owner: User | None) -> str:
    return owner.get_username() if owner is not None else ""
