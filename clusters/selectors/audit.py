"""The audit: its entries by user, object, action, outcome and time, and whether its chain is intact."""

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
"""Entries in one read."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """A filter; empty fields match everything. `since` and `until` are days in UTC, both included."""

    person: str = ""
    object: str = ""
    action: str = ""
    outcome: str = ""
    since: dt.date | None = None
    until: dt.date | None = None


def audit_entries(wanted: AuditFilter) -> QuerySet[AuditEntry]:
    """The matching entries, newest first. A person matches by part of the name or the whole id, an object by part."""
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
    """The codes of all actions that have an entry."""
    return sorted(AuditEntry.objects.order_by().values_list("deed", flat=True).distinct())


def in_order(found: QuerySet[AuditEntry], *, after: int = 0) -> Iterator[AuditEntry]:
    """These entries, oldest first, read page by page: sending them may take long, and must not keep a cursor open."""
    while page := list(found.filter(number__gt=after).order_by("number")[:AT_ONCE]):
        yield from page
        after = page[-1].number


def audit_head() -> tuple[int, str]:
    """The number of entries, and the hash of the last: recorded outside, they reveal a truncation."""
    head = AuditHead.objects.filter(pk=1).first()
    return (head.count, head.hash) if head is not None else (0, GENESIS)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of the chain. `broken` describes the first broken entry and what is wrong with it, or is empty."""

    count: int
    hash: str
    before_chain: int = 0
    broken: str = ""


def verify_audit(*, count: int = 0, digest: str = "") -> Verdict:
    """Read the whole chain. `count` and `digest` were recorded outside: the number of entries, and the last hash."""
    number, last, older = 0, GENESIS, 0
    for entry in _all_rows():
        broken = _fault(entry, number, last)
        if not broken and entry.number == count and digest and entry.hash != digest:
            broken = (
                f"Entry {count} is not the recorded one: its hash is {entry.hash}, the recorded one {digest}. It or an "
                "entry before it was replaced, and the chain was recomputed."
            )
        if broken:
            return Verdict(number, last, older, broken)
        number, last, older = entry.number, entry.hash, older + entry.before_chain
    return Verdict(number, last, older, _truncated(number, last, count))


def _all_rows() -> Iterator[AuditEntry]:
    """Every row, by number and then by key, so that rows with the same number are not left out."""
    place = (-1, -1)
    while True:
        beyond = Q(number__gt=place[0]) | Q(number=place[0], pk__gt=place[1])
        page = list(AuditEntry.objects.filter(beyond).order_by("number", "pk")[:AT_ONCE])
        if not page:
            return
        yield from page
        place = (page[-1].number, page[-1].pk)


def _fault(entry: AuditEntry, number: int, last: str) -> str:
    """The error in the entry that follows entry `number`, whose hash is `last`; empty if there is none."""
    expected = number + 1
    if entry.number > expected:
        missing = f"{expected} is" if entry.number == expected + 1 else f"{expected} to {entry.number - 1} are"
        return f"Entry {missing} missing: entry {entry.number} follows {number or 'the beginning'}."
    if entry.number < expected:
        return f"Entry {entry.number} exists twice."
    if entry.digest() == entry.hash and entry.previous == last:
        return ""
    moved = AuditEntry.objects.filter(previous=last).exclude(pk=entry.pk).order_by("number").first()
    if entry.previous != last and moved is not None:
        return (
            f"Entry {entry.number} is out of order: the entry written after {number or 'the beginning'} "
            f"now has number {moved.number}."
        )
    if entry.digest() != entry.hash:
        return f"Entry {entry.number} was changed: its fields do not match its hash."
    return (
        f"Entry {entry.number} does not continue entry {number or 'zero'}: that one was replaced, or this one inserted."
    )


def _truncated(number: int, last: str, noted: int) -> str:
    if number < noted:
        return f"Entries {number + 1} to {noted} are missing at the end: {noted} were recorded, {number} exist."
    count, digest = audit_head()
    if count > number:
        return f"Entries {number + 1} to {count} are missing at the end: {count} were written, {number} exist."
    if (count, digest) != (number, last):
        return f"The end of the chain is recorded as entry {count} with hash {digest}; found entry {number}, {last}."
    return ""


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
