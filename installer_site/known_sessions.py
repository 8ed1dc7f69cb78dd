"""Sessions of people who were signed in when this process last saw them, by the digest of what the cookie holds."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

MOST = 10_000
"""The ones that were seen last."""

_known: OrderedDict[str, None] = OrderedDict()


def note(key: str) -> None:
    """A page was answered to somebody who is signed in."""
    digest = digest_of(key)
    _known[digest] = None
    _known.move_to_end(digest)
    while len(_known) > MOST:
        _known.popitem(last=False)


def is_known(digest: str) -> bool:
    """Whether the session was seen; what a client merely claims in a cookie was not."""
    return digest in _known


def digest_of(key: str) -> str:
    """What a session is called where the key itself must not be kept."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
