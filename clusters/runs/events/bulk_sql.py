"""Many rows in one statement: events and changes of steps come by the thousand, and the ORM is slow for each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from clusters.models import Event, StepRun
from clusters.models.columns import column_of
from clusters.runs.events.batches import EventRow, StepRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import Model


class StepChange(NamedTuple):
    """A change of a step on a machine: when it started, if it did now, and the data of its event."""

    run_id: int
    step: str
    host: str
    started_at: datetime | None
    data: dict[str, Any]


def insert_events(rows: Sequence[EventRow]) -> None:
    """Insert into the table of events, in the current transaction. Raises what the database raises."""
    values = [(*row[:2], _moment(row.at), *row[3:6], _json(row.data), *row[7:]) for row in rows]
    _insert(Event, EventRow._fields, values)


def insert_steps(rows: Sequence[StepRow]) -> None:
    """Insert into the table of steps, in the current transaction. Raises what the database raises."""
    _insert(StepRun, StepRow._fields, rows)


def _insert(model: type[Model], fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if not rows:
        return
    columns = ", ".join(_column(model, name) for name in fields)
    places = ", ".join(["%s"] * len(fields))
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)  # noqa: S608 - our own names


def _column(model: type[Model], name: str) -> str:
    return connection.ops.quote_name(column_of(model, name.removesuffix("_id")))


def update_steps(changes: Sequence[StepChange]) -> int:
    """Update the rows of these steps; returns how many exist. Raises what the database raises."""
    count = 0
    with connection.cursor() as cursor:
        for starts in (True, False):
            some = [change for change in changes if (change.started_at is not None) is starts]
            if some:
                cursor.executemany(_update(starts), [_values(change) for change in some])
                count += cursor.rowcount
    return count


def _update(starts: bool) -> str:
    fields = ("state", "seconds", "message", "same", "changed", *(("started_at",) if starts else ()))
    settings = ", ".join(f"{_column(StepRun, name)} = %s" for name in fields)
    where = " AND ".join(f"{_column(StepRun, name)} = %s" for name in ("run", "step", "host"))
    table = connection.ops.quote_name(StepRun._meta.db_table)
    return f"UPDATE {table} SET {settings} WHERE {where}"  # noqa: S608 - our own names


def _values(change: StepChange) -> tuple[Any, ...]:
    data = change.data
    new = (data["state"][:16], data["seconds"] or 0, data["message"], data["same"], data["changed"])
    began = () if change.started_at is None else (_moment(change.started_at),)
    return (*new, *began, change.run_id, change.step, change.host)


def _moment(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def _json(data: dict[str, Any]) -> Any:
    return connection.ops.adapt_json_value(data, json.JSONEncoder)
