"""The user of a session as this process last saw it, by the digest of the cookie's key, without the database."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

MOST = 10_000
"""How many sessions are remembered: those seen last."""

_people: OrderedDict[str, int] = OrderedDict()


def note(key: str, person: int | None) -> None:
    """Record the user of the session of a request; None for a session that has expired or never existed."""
    digest = _digest_of(key)
    _people.pop(digest, None)
    if person is None:
        return
    _people[digest] = person
    while len(_people) > MOST:
        _people.popitem(last=False)


def person_of(key: str) -> int | None:
    """The id of the session's user; None for a key that a client merely claims in a cookie."""
    return _people.get(_digest_of(key))


def _digest_of(key: str) -> str:
    """The name of a session where the key itself must not be stored."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
