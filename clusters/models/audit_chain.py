"""The hashes that chain the entries of the audit, the same on every database."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

GENESIS = "0" * 64
"""The previous hash of the first entry."""

FIELDS = (
    "number",
    "at",
    "actor_name",
    "actor_id",
    "address",
    "session",
    "deed",
    "target",
    "outcome",
    "details",
    "before_chain",
    "previous",
)
"""The fields that a hash covers: all of an entry except the row's key and the hash itself. A new field needs a second
list: entries that were hashed with this one keep it."""


def digest_of(fields: Mapping[str, Any]) -> str:
    """The SHA-256 of an entry's fields in hexadecimal, over names and values as JSON with sorted keys, in UTF-8."""
    plain = {name: plain_value(value) for name, value in fields.items()}
    text = json.dumps(plain, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def plain_value(value: Any) -> Any:
    """The value in a form that every database returns unchanged.

    PostgreSQL stores 5.0 in JSON as it is and 1e16 as 10000000000000000, accepts neither NUL nor half of a surrogate
    pair, and returns times with the offset of the connection.
    """
    match value:
        case None | bool():
            return value
        case int():
            return int(value)
        case float():
            if not math.isfinite(value):
                return str(value)
            return int(value) if value.is_integer() else value
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat(timespec="microseconds")
        case dict():
            return {plain_text_of(name): plain_value(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain_value(each) for each in (sorted(value) if isinstance(value, set | frozenset) else value)]
        case _:
            return plain_text_of(value)


def plain_text_of(value: object) -> str:
    """The value as text that every database can store: without NUL, and valid UTF-8."""
    return str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode()
