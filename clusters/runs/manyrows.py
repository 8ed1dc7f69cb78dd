"""Many rows by one statement: events and changes of steps come by the thousand, and the ORM makes each one dear."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from clusters.models import Event, StepRun
from clusters.runs.chunks import EventRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class StepChange(NamedTuple):
    """What is new of a step on a machine: when it began, if it did now, and what an event said of it."""

    run_id: int
    step: str
    host: str
    started_at: datetime | None
    said: dict[str, Any]


def insert_events(rows: Sequence[EventRow]) -> None:
    """Into the table of events, in the present transaction. Raises what the database raises."""
    if not rows:
        return
    columns = EventRow._fields
    names = ", ".join(connection.ops.quote_name(Event._meta.get_field(name).column) for name in columns)
    places = ", ".join(["%s"] * len(columns))
    table = connection.ops.quote_name(Event._meta.db_table)
    values = [(*row[:2], _moment(row.at), *row[3:6], _json(row.data), *row[7:]) for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", values)  # noqa: S608 - names of our own


def update_steps(changes: Sequence[StepChange]) -> int:
    """The rows of these steps; gives how many there were. Raises what the database raises."""
    found = 0
    with connection.cursor() as cursor:
        for begun in (True, False):
            some = [change for change in changes if (change.started_at is not None) is begun]
            if some:
                cursor.executemany(_update(begun), [_values(change) for change in some])
                found += cursor.rowcount
    return found


@cache
def _update(begun: bool) -> str:
    def name(of: str) -> str:
        return connection.ops.quote_name(StepRun._meta.get_field(of).column)

    fields = ("state", "seconds", "message", "same", "changed", *(("started_at",) if begun else ()))
    settings = ", ".join(f"{name(of)} = %s" for of in fields)
    where = " AND ".join(f"{name(of)} = %s" for of in ("run", "step", "host"))
    table = connection.ops.quote_name(StepRun._meta.db_table)
    return f"UPDATE {table} SET {settings} WHERE {where}"  # noqa: S608 - names of our own


def _values(change: StepChange) -> tuple[Any, ...]:
    said = change.said
    new = (said["state"][:16], said["seconds"] or 0, said["message"], said["same"], said["changed"])
    began = () if change.started_at is None else (_moment(change.started_at),)
    return (*new, *began, change.run_id, change.step, change.host)


def _moment(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def _json(data: dict[str, Any]) -> Any:
    return connection.ops.adapt_json_value(data, json.JSONEncoder)
