"""Secret: text that code can read only through an explicit call."""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Any

from pydantic import GetCoreSchemaHandler  # noqa: TC002 - pydantic reads the annotation at run time
from pydantic_core import CoreSchema, core_schema

MASK = "••••••••"
STAND_IN = "".join(chr(0xE000 + secrets.randbelow(0x1800)) for _ in MASK)
"""Replaces masks while a text is read, because reading a mask means that no secret was given.

It has the length of a mask, so that positions do not change, and characters that nobody types.
"""
_PIECE = re.compile(rf"(?:[{STAND_IN}]|{'|'.join(re.escape(ascii(each)[1:-1]) for each in STAND_IN)}){{2,}}+")


def without_stand_ins(text: str) -> str:
    """The text with masks instead of stand-ins, also escaped or cut ones: a stand-in must not be disclosed."""
    return _PIECE.sub(MASK, text)


class Secret:
    """A password or key. `str()`, `repr()`, logs and JSON give a mask; `reveal()` gives the text.

    docs/security.md names every module that calls `reveal()`, and why; `tests/security/test_unwrapping.py` checks
    that list.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from_text = core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(coerce_numbers_to_str=True)
        )
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_text]),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )
