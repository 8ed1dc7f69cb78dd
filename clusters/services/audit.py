"""audited(): appends an entry to the audit's chain; allowed(): checks the right to act on a cluster."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from clusters.models import AuditEntry, AuditHead
from clusters.models.audit_chain import GENESIS, plain_text_of, plain_value
from clusters.models.columns import longest
from clusters.services.origin import present_origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from django.contrib.auth.models import User

    from clusters.models import Cluster

log = logging.getLogger(__name__)

Outcome = AuditEntry.Outcome


@transaction.atomic
def audited(actor: User | None, deed: str, target: object, *, outcome: str = Outcome.DONE, **details: Any) -> None:
    """Append one entry; `details` must not hold secrets. The default actor is the logged-in user, if there is one.

    Call it in the transaction of the change, so that neither exists without the other, and call it last: the end of the
    chain stays locked until the transaction ends, and two transactions that lock it and their rows in a different
    order would deadlock.
    """
    origin = present_origin()
    who = actor if actor is not None else origin.user
    head = _lock_head()
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


@contextmanager
def log_missing_entry(deed: str, outcome: str) -> Iterator[None]:
    """For events that happen anyway: if the entry cannot be written, the process log reports it."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        log.error("Cannot write the audit entry of %s (%s): %s", deed, outcome, error)


def audited_once(
    deed: str,
    target: object,
    *,
    within: timedelta,
    same: dict[str, Any],
    actor: User | None = None,
    outcome: str = Outcome.DONE,
    **details: Any,
) -> None:
    """As `audited`, unless the same session, or without one the same address, has such an entry `within` this time.

    `same` are the fields that identify such an entry. The first check is cheap; the second one runs with the end of the
    chain locked, so that pages loaded at the same moment write one entry.
    """
    if _audited_lately(deed, within, actor, same):
        return
    with transaction.atomic():
        _lock_head()
        if not _audited_lately(deed, within, actor, same):
            audited(actor, deed, target, outcome=outcome, **details)


def _audited_lately(deed: str, within: timedelta, actor: User | None, same: dict[str, Any]) -> bool:
    origin = present_origin()
    place = {"session": origin.session} if origin.session else {"address": origin.address}
    who = {"actor_id": str(actor.pk)} if actor is not None else {}
    since = timezone.now() - within
    return AuditEntry.objects.filter(deed=deed, at__gt=since, **place, **who, **same).exists()


def allowed(actor: User | None, cluster: Cluster) -> None:
    """Raises PermissionDenied unless the actor owns the cluster or may see everything.

    `None` stands for Slipway's command line, whose users can read the database anyway.
    """
    if actor is None or cluster.is_open_to(actor):
        return
    raise PermissionDenied("This cluster belongs to another user.")


def _lock_head() -> AuditHead:
    """The end of the chain, locked until the transaction ends.

    PostgreSQL locks the row. SQLite has one writer at a time, and every transaction starts as one
    (`installer_site.env.sqlite`). Without the row, as in a database that was emptied, the chain continues from its
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
    return plain_text_of(value)[: longest(AuditEntry, field)]
