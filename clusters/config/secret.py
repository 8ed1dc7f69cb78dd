"""Secret: text that shows itself only to code that asks for it by name."""

from __future__ import annotations

import hmac
from typing import Any

from pydantic import GetCoreSchemaHandler  # noqa: TC002 - pydantic reads the annotation at run time
from pydantic_core import CoreSchema, core_schema

MASK = "••••••••"


class Secret:
    """A password or key. `str()`, `repr()`, logs and JSON give a mask; `reveal()` gives the text.

    docs/security.md names every module that calls `reveal()`, and why; `tests/security/test_unwrapping.py` keeps
    that list true.
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
