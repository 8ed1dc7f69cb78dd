"""Authority: whether the person who requested a job still has the right to it when a worker starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model

from clusters.errors import InstallerError

if TYPE_CHECKING:
    from clusters.models import Cluster

HINT = "Somebody who may use this cluster must start it again."


class AuthorityLost(InstallerError):
    """The person who requested it was deactivated, or lost the right to the cluster, before it started."""


def refuse_without_authority(asked_by_id: int | None, cluster: Cluster, what: str) -> None:
    """Raises AuthorityLost; `what` is the kind of job ("run", "scan"). Reads the person from the database.

    None is Slipway's own command line: its user can read the database anyway.
    """
    if asked_by_id is None:
        return
    person = get_user_model().objects.filter(pk=asked_by_id).first()
    if person is None:
        raise AuthorityLost(f"The account that requested this {what} no longer exists.", hint=HINT)
    name = person.get_username()
    if not person.is_active:
        raise AuthorityLost(f"{name}, who requested this {what}, was deactivated before it started.", hint=HINT)
    if not cluster.is_open_to(person):
        raise AuthorityLost(f"{name}, who requested this {what}, may no longer use {cluster.name}.", hint=HINT)
