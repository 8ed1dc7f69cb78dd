"""The audit: its entries by who, what, when and how it ended, and whether its chain is unbroken."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from clusters.models import AuditEntry, AuditHead
from clusters.models.audit_chain import GENESIS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

AT_ONCE = 1000
"""Entries that are read at a time."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What is looked for; what is empty is not asked. `since` and `until` are days in UTC, both of them included."""

    person: str = ""
    object: str = ""
    action: str = ""
    outcome: str = ""
    since: dt.date | None = None
    until: dt.date | None = None


def audit_entries(wanted: AuditFilter) -> QuerySet[AuditEntry]:
    """Those that fit, newest first. A person is a part of the name or the whole id, an object a part of its name."""
    found = AuditEntry.objects.all()
    if wanted.person:
        found = found.filter(Q(actor_name__icontains=wanted.person) | Q(actor_id=wanted.person))
    if wanted.object:
        found = found.filter(target__icontains=wanted.object)
    if wanted.action:
        found = found.filter(deed=wanted.action)
    if wanted.outcome:
        found = found.filter(outcome=wanted.outcome)
    if wanted.since is not None:
        found = found.filter(at__gte=_midnight(wanted.since))
    if wanted.until is not None:
        found = found.filter(at__lt=_midnight(wanted.until + dt.timedelta(days=1)))
    return found


def audit_actions() -> list[str]:
    """Every action of which there is an entry, by its code."""
    return sorted(AuditEntry.objects.order_by().values_list("deed", flat=True).distinct())


def in_order(found: QuerySet[AuditEntry], *, after: int = 0) -> Iterator[AuditEntry]:
    """These entries from the oldest on, read page by page: an answer may take long, and no cursor stays open for it."""
    while page := list(found.filter(number__gt=after).order_by("number")[:AT_ONCE]):
        yield from page
        after = page[-1].number


def audit_head() -> tuple[int, str]:
    """How many entries there are, and the hash of the last: what is noted outside to notice a truncation."""
    head = AuditHead.objects.filter(pk=1).first()
    return (head.count, head.hash) if head is not None else (0, GENESIS)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the chain holds. `broken` says of the first broken entry which it is and what is wrong, or is empty."""

    count: int
    hash: str
    before_chain: int = 0
    broken: str = ""


def verify_audit(*, count: int = 0, digest: str = "") -> Verdict:
    """Read the whole chain. `count` and `digest` were noted outside: so many entries, the last with that hash."""
    number, last, older = 0, GENESIS, 0
    for entry in _all_rows():
        broken = _fault(entry, number, last)
        if not broken and entry.number == count and digest and entry.hash != digest:
            broken = (
                f"Entry {count} is not the one that was noted: its hash is {entry.hash}, noted was {digest}. It or an "
                "entry before it was replaced, and the chain computed again."
            )
        if broken:
            return Verdict(number, last, older, broken)
        number, last, older = entry.number, entry.hash, older + entry.before_chain
    return Verdict(number, last, older, _truncated(number, last, count))


def _all_rows() -> Iterator[AuditEntry]:
    """Every row, by number and then by key, so that one with the number of another is not left out."""
    place = (-1, -1)
    while True:
        beyond = Q(number__gt=place[0]) | Q(number=place[0], pk__gt=place[1])
        page = list(AuditEntry.objects.filter(beyond).order_by("number", "pk")[:AT_ONCE])
        if not page:
            return
        yield from page
        place = (page[-1].number, page[-1].pk)


def _fault(entry: AuditEntry, number: int, last: str) -> str:
    """What is wrong with the entry that comes after entry `number`, whose hash is `last`; empty when nothing is."""
    expected = number + 1
    if entry.number > expected:
        missing = f"{expected} is" if entry.number == expected + 1 else f"{expected} to {entry.number - 1} are"
        return f"Entry {missing} missing: after {number or 'the beginning'} comes entry {entry.number}."
    if entry.number < expected:
        return f"Entry {entry.number} is there twice."
    if entry.digest() == entry.hash and entry.previous == last:
        return ""
    moved = AuditEntry.objects.filter(previous=last).exclude(pk=entry.pk).order_by("number").first()
    if entry.previous != last and moved is not None:
        return (
            f"Entry {entry.number} is out of order: the entry that was written after {number or 'the beginning'} "
            f"now has number {moved.number}."
        )
    if entry.digest() != entry.hash:
        return f"Entry {entry.number} was changed: its fields do not give its hash."
    return (
        f"Entry {entry.number} does not continue entry {number or 'zero'}: that one was replaced, or this one inserted."
    )


def _truncated(number: int, last: str, noted: int) -> str:
    if number < noted:
        return f"Entries {number + 1} to {noted} are missing at the end: {noted} were noted, {number} are there."
    count, digest = audit_head()
    if count > number:
        return f"Entries {number + 1} to {count} are missing at the end: {count} were written, {number} are there."
    if (count, digest) != (number, last):
        return f"The end of the chain is recorded as entry {count} with hash {digest}; found is entry {number}, {last}."
    return ""


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
