"""Opening a cluster that is somebody else's, by a right over all clusters, leaves an entry in the audit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from clusters.selectors.access import foreign_cluster_opened
from clusters.services.audit import audited, audited_lately

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from clusters.models import Cluster

OPEN = "cluster.open"
ONCE_IN = timedelta(hours=1)
"""A page asks for its parts every second; one entry an hour says for each session and cluster that they were open."""


@receiver(foreign_cluster_opened)
def cluster_opened(sender: Any, user: AbstractBaseUser, cluster: Cluster, **kwargs: Any) -> None:
    """Without the entry the page is not shown."""
    if not audited_lately(OPEN, within=ONCE_IN, actor=user, details__cluster=cluster.pk):
        owner = cluster.owner.get_username() if cluster.owner is not None else ""
        audited(user, OPEN, cluster.name, cluster=cluster.pk, owner=owner)
