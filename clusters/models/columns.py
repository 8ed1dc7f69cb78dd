"""What the database knows of a field: its column, and how many characters that takes."""

from __future__ import annotations

from django.db import models


def column_of(model: type[models.Model], name: str) -> str:
    """The column of a field, by the field's name. Raises ValueError for one without a column."""
    field = model._meta.get_field(name)
    if not isinstance(field, models.Field) or field.column is None:
        raise ValueError(f"{name} of {model.__name__} has no column.")
    return field.column


def longest(model: type[models.Model], name: str) -> int:
    """How many characters a field takes. Raises ValueError for one without a limit."""
    field = model._meta.get_field(name)
    if not isinstance(field, models.Field) or field.max_length is None:
        raise ValueError(f"{name} of {model.__name__} has no limit.")
    return field.max_length
