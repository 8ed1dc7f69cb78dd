"""audited(): adds an entry to the end of the audit's chain; allowed(): who may do something with a cluster at all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from clusters.models import AuditEntry, AuditHead
from clusters.models.audit_chain import GENESIS, plain_text_of, plain_value
from clusters.services.origin import present_origin

if TYPE_CHECKING:
    from datetime import timedelta

    from django.contrib.auth.models import AbstractBaseUser

    from clusters.models import Cluster

log = logging.getLogger(__name__)

Outcome = AuditEntry.Outcome


@transaction.atomic
def audited(
    actor: AbstractBaseUser | None, deed: str, target: object, *, outcome: str = Outcome.DONE, **details: Any
) -> None:
    """Append one entry; `details` must hold no secret. Without an actor it is who is logged in, if anybody is.

    Call it in the transaction of what it describes, so that neither exists without the other, and last: the end of
    the chain stays locked until the transaction ends, and two that lock it and their own rows in another order would
    wait for each other.
    """
    origin = present_origin()
    who = actor if actor is not None else origin.user
    head = _locked_head()
    entry = AuditEntry(
        number=head.count + 1,
        at=timezone.now(),
        actor_name=_cut(who.get_username() if who is not None else "", "actor_name"),
        actor_id=str(who.pk) if who is not None else "",
        address=_cut(origin.address, "address"),
        session=origin.session,
        deed=deed,
        target=_cut(target, "target"),
        outcome=outcome,
        details=plain_value(details),
        previous=head.hash,
    )
    entry.hash = entry.digest()
    entry.save()
    AuditHead.objects.filter(pk=head.pk).update(count=entry.number, hash=entry.hash)


def audited_if_possible(deed: str, target: object, *, outcome: str, **details: Any) -> None:
    """As `audited`, for what happens anyway: where the entry cannot be written, the log of the process says so."""
    try:
        audited(None, deed, target, outcome=outcome, **details)
    except (DatabaseError, InterfaceError) as error:
        log.error("The audit has no entry of %s (%s), because it cannot be written: %s", deed, outcome, error)


def audited_lately(deed: str, *, within: timedelta, actor: AbstractBaseUser | None = None, **fields: Any) -> bool:
    """Whether the same session, or without one the same address, has such an entry already, not older than that."""
    origin = present_origin()
    place = {"session": origin.session} if origin.session else {"address": origin.address}
    who = {"actor_id": str(actor.pk)} if actor is not None else {}
    since = timezone.now() - within
    return AuditEntry.objects.filter(deed=deed, at__gt=since, **place, **who, **fields).exists()


def allowed(actor: AbstractBaseUser | None, cluster: Cluster) -> None:
    """Raises PermissionDenied unless the cluster is the actor's own, or the actor sees everything.

    `None` is Slipway's own command line: whoever runs it can read the database anyway.
    """
    if actor is None or cluster.is_open_to(actor):
        return
    raise PermissionDenied("This cluster belongs to somebody else.")


def _locked_head() -> AuditHead:
    """The end of the chain, locked until the transaction ends.

    PostgreSQL locks the row. SQLite has one writer at a time, and every transaction begins as one
    (`installer_site.env.sqlite`). Without the row, as in a database that was emptied, the chain goes on from its
    last entry.
    """
    heads = AuditHead.objects.select_for_update()
    head = heads.filter(pk=1).first()
    if head is None:
        last = AuditEntry.objects.first()
        count, digest = (last.number, last.hash) if last is not None else (0, GENESIS)
        AuditHead.objects.bulk_create([AuditHead(pk=1, count=count, hash=digest)], ignore_conflicts=True)
        head = heads.get(pk=1)
    return head


def _cut(value: object, field: str) -> str:
    return plain_text_of(value)[: AuditEntry._meta.get_field(field).max_length]
