"""Authority: whether the person who asked for a piece of work may still have it done when a worker begins it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model

from clusters.errors import InstallerError

if TYPE_CHECKING:
    from clusters.models import Cluster

HINT = "Somebody who may use this cluster has to start it again."


class AuthorityLost(InstallerError):
    """The person who asked for it was deactivated, or lost the right to the cluster, before it began."""


def refuse_without_authority(asked_by_id: int | None, cluster: Cluster, what: str) -> None:
    """Raises AuthorityLost; `what` is what was asked for ("run", "scan"). Reads the person from the database.

    Nobody (None) is Slipway's own command line: whoever runs it can read the database anyway.
    """
    if asked_by_id is None:
        return
    person = get_user_model().objects.filter(pk=asked_by_id).first()
    if person is None:
        raise AuthorityLost(f"The account that asked for this {what} does not exist any more.", hint=HINT)
    name = person.get_username()
    if not person.is_active:
        raise AuthorityLost(f"{name}, who asked for this {what}, was deactivated before it began.", hint=HINT)
    if not cluster.is_open_to(person):
        raise AuthorityLost(f"{name}, who asked for this {what}, may not use {cluster.name} any more.", hint=HINT)
