"""audited(): writes down who did what; and who may do it at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied

from clusters.models import AuditEntry

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from clusters.models import Cluster


def audited(actor: AbstractBaseUser | None, deed: str, target: object, **details: Any) -> None:
    """One entry; `details` must hold no secret."""
    AuditEntry.objects.create(user=actor, deed=deed, target=str(target)[:253], details=details)


def allowed(actor: AbstractBaseUser | None, cluster: Cluster) -> None:
    """Raises PermissionDenied unless the cluster is the actor's own, or the actor sees everything.

    `None` is Slipway's own command line: whoever runs it can read the database anyway.
    """
    if actor is None or cluster.is_open_to(actor):
        return
    raise PermissionDenied("This cluster belongs to somebody else.")
