"""Whose a session is, as this process last saw it, by the digest of what the cookie holds: it asks no database."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

MOST = 10_000
"""The ones that were seen last."""

_people: OrderedDict[str, int] = OrderedDict()


def note(key: str, person: int | None) -> None:
    """A request came with this session, which was this person's; None for a session that is over, or never was."""
    digest = _digest_of(key)
    _people.pop(digest, None)
    if person is None:
        return
    _people[digest] = person
    while len(_people) > MOST:
        _people.popitem(last=False)


def person_of(key: str) -> int | None:
    """The id of the person whose session it was; None for what a client merely claims in a cookie."""
    return _people.get(_digest_of(key))


def _digest_of(key: str) -> str:
    """What a session is called where the key itself must not be kept."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
