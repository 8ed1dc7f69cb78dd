"""From events to rows: numbered, masked, without characters that databases refuse, output grouped into chunks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from clusters.config.secret import MASK, Secret
from clusters.engine import events
from clusters.plaintext import plain_text
from clusters.runs.events.log_masks import LONGEST_TAIL
from clusters.runs.events.redraws import last_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.runs.events.log_masks import Masks

CHUNK_LINES = 64
# Characters. A chunk must fit into a websocket frame of 64 KB, and a character may take six bytes in JSON.
CHUNK_CHARACTERS = 8_000
# Characters of one text in another event, such as a diff.
TEXT_CHARACTERS = 16_000
# Streams whose end is remembered for the next batch: those that printed last.
MOST_TAILS = 4_096
UNUSABLE = (TypeError, ValueError, OverflowError, OSError, AttributeError, RecursionError)


class EventRow(NamedTuple):
    """A row of Event on its way into the database; the names are its columns."""

    run_id: int
    seq: int
    at: datetime
    kind: str
    host: str
    step: str
    data: dict[str, Any]
    first_line: int = 0
    line_count: int = 0


class StepRow(NamedTuple):
    """A new row of StepRun; the names are its columns."""

    run_id: int
    step: str
    title: str
    phase: str
    position: int
    host: str
    expected: float
    measured: bool
    timeout: float
    state: str = "waiting"
    seconds: float = 0.0
    message: str = ""
    same: int = 0
    changed: int = 0
    uncut: str = ""


Tails = dict[tuple[str, str, str], str]
"""Machine, step and stream -> the end of its output so far, not masked: a secret may continue in the next batch."""


@dataclass(slots=True)
class Batch:
    """What one transaction writes. `seq` and `line` are the numbers of the last event and line after it."""

    seq: int
    line: int
    rows: list[EventRow] = field(default_factory=list)
    plan: events.PlanMade | None = None
    steps: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    started: dict[tuple[str, str], datetime] = field(default_factory=dict)
    uncut: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    message: str | None = None
    nodes: list[Any] | None = None
    kubeconfig: str | None = field(default=None, repr=False)
    tails: Tails = field(default_factory=dict)


@dataclass(slots=True)
class _Chunk:
    """Consecutive lines of one step on one machine."""

    host: str
    step: str
    at: float
    lines: list[list[Any]] = field(default_factory=list, repr=False)
    size: int = 0


def make_batch(
    fresh: Iterable[events.Event], *, run_id: int, seq: int, line: int, masks: Masks, tails: Tails | None = None
) -> Batch:
    """Rows for the events, numbered after `seq` and `line`; `tails` are those of the batch before.

    Lines of one step on one machine go into one chunk even when another machine's lines came between;
    other events of that step, and those of the run itself, keep their place among them.
    """
    batch = Batch(seq, line, tails=dict(tails or {}))
    for item in _mask(_group(fresh), masks, batch.tails):
        if isinstance(item, _Chunk):
            _add_chunk(batch, run_id, item)
            continue
        try:
            _add_event(batch, run_id, item, masks)
        except UNUSABLE as error:
            _add_chunk(batch, run_id, _note(item, masks.text(note_about(item, str(error)).text)))
    return batch


def note_about(event: events.Event, reason: str) -> events.Output:
    """The note that is stored in place of an event that the database refuses."""
    return events.Output(
        stream="note",
        text=f"An event of kind {event.kind!r} could not be stored: {reason}",
        host=_short(event.host, 253) if isinstance(event.host, str) else "",
        step=_short(event.step, 128) if isinstance(event.step, str) else "",
    )


def _note(event: events.Event, text: str) -> _Chunk:
    note = note_about(event, "")
    return _Chunk(note.host, note.step, note.at, [[round(note.at, 3), "note", clean(text)]])


def _group(fresh: Iterable[events.Event]) -> Iterator[events.Event | _Chunk]:
    """One open chunk for each step and machine; any other event closes the chunks that must precede it."""
    open_chunks: dict[tuple[str, str], _Chunk] = {}
    for event in fresh:
        if not isinstance(event, events.Output):
            closing = [key for key in open_chunks if not event.host or key[0] in ("", event.host)]
            for key in closing:
                yield open_chunks.pop(key)
            yield event
            continue
        try:
            texts = [last_state(text) for text in str(event.text).split("\n")]
            at = round(float(event.at), 3)
            key = (event.host, event.step)
            chunk = open_chunks.get(key)
        except UNUSABLE as error:
            yield _note(event, str(note_about(event, str(error)).text))
            continue
        for text in texts:
            if chunk is not None and (len(chunk.lines) >= CHUNK_LINES or chunk.size + len(text) > CHUNK_CHARACTERS):
                yield chunk
                chunk = None
            if chunk is None:
                chunk = open_chunks[key] = _Chunk(event.host, event.step, at)
            chunk.lines.append([at, event.stream, text])
            chunk.size += len(text)
    yield from open_chunks.values()


def _mask(items: Iterable[events.Event | _Chunk], masks: Masks, tails: Tails) -> list[events.Event | _Chunk]:
    """Mask and clean all lines of the batch, then cut those that are too long for one chunk."""
    found = list(items)
    streams: dict[tuple[str, str, str], list[list[Any]]] = {}
    for item in found:
        if isinstance(item, _Chunk):
            for line in item.lines:
                streams.setdefault((str(item.host), str(item.step), line[1]), []).append(line)
    for key, lines in streams.items():
        # Cleaned first: a color code or a NUL inside a secret must not hide it from the masks.
        texts = [clean(line[2]) for line in lines]
        tail = tails.pop(key, "")
        for line, text in zip(lines, masks.after(tail, texts), strict=True):
            line[2] = text
        tails[key] = _end_of([tail, *texts])
    while len(tails) > MOST_TAILS:
        del tails[next(iter(tails))]
    cut: list[events.Event | _Chunk] = []
    for item in found:
        cut.extend(_cut(item) if isinstance(item, _Chunk) and item.size > CHUNK_CHARACTERS else [item])
    return cut


def _end_of(texts: list[str]) -> str:
    """The last characters of these lines."""
    ends, size = [], 0
    for text in reversed(texts):
        ends.append(text[-LONGEST_TAIL:])
        size += len(ends[-1]) + 1
        if size > LONGEST_TAIL:
            break
    return "\n".join(reversed(ends))[-LONGEST_TAIL:]


def _cut(chunk: _Chunk) -> Iterator[_Chunk]:
    """Cut a chunk that is too large, which is always one long line, into as many lines as needed."""
    for at, stream, text in chunk.lines:
        for start in range(0, max(len(text), 1), CHUNK_CHARACTERS):
            yield _Chunk(chunk.host, chunk.step, at, [[at, stream, text[start : start + CHUNK_CHARACTERS]]])


def _add_chunk(batch: Batch, run_id: int, chunk: _Chunk) -> None:
    batch.seq += 1
    batch.rows.append(
        EventRow(
            run_id=run_id,
            seq=batch.seq,
            at=datetime.fromtimestamp(chunk.at, UTC),
            kind=events.Output.kind,
            host=_short(chunk.host, 253),
            step=_short(chunk.step, 128),
            data={"lines": chunk.lines},
            first_line=batch.line + 1,
            line_count=len(chunk.lines),
        )
    )
    batch.line += len(chunk.lines)


def _add_event(batch: Batch, run_id: int, event: events.Event, masks: Masks) -> None:
    at = datetime.fromtimestamp(event.at, UTC)
    if isinstance(event, events.SecretMade):
        return
    content = {"name": event.name} if isinstance(event, events.Delivered) else event.data()
    data = trimmed(masks.value(plain(content)))
    _remember(batch, event, data, at)
    batch.seq += 1
    batch.rows.append(
        EventRow(
            run_id=run_id,
            seq=batch.seq,
            at=at,
            kind=event.kind,
            host=_short(event.host, 253),
            step=_short(event.step, 128),
            data=data,
        )
    )


def _remember(batch: Batch, event: events.Event, data: dict[str, Any], at: datetime) -> None:
    """Collect what other tables store of the event."""
    key = (_short(event.step, 128), _short(event.host, 253))
    match event:
        case events.PlanMade():
            batch.plan = event
            batch.steps.clear()
            batch.started.clear()
            batch.uncut.clear()
        case events.StepChanged():
            batch.steps[key] = data
            if event.state == events.State.RUNNING:
                batch.started[key] = at
        case events.Uncut():
            batch.uncut[key] = {"uncut": "" if event.over else data["what"][:200],
                                "uncut_since": None if event.over else at}  # fmt: skip
        case events.Failed():
            batch.failures.append({"host": event.host, "step": event.step, **data})
        case events.RunChanged():
            batch.message = data["message"]
        case events.Observed(topic="nodes"):
            batch.nodes = data["values"] if isinstance(data["values"], list) else [data["values"]]
        case events.Delivered(name="kubeconfig", content=Secret() as content):
            batch.kubeconfig = content.reveal()


def step_rows(run_id: int, plan: events.PlanMade, expected: dict[str, float]) -> list[StepRow]:
    """A waiting row for each step on each machine of the plan; `expected` has measured seconds by step."""
    rows = []
    for position, step in enumerate(plan.steps):
        path = _short(str(step["path"]), 128)
        row = StepRow(
            run_id=run_id,
            step=path,
            title=_short(clean(str(step.get("title") or path)), 200),
            phase=_short(str(step.get("phase") or path.split("/")[0]), 64),
            position=position,
            host="",
            expected=expected.get(path) or float(step.get("expected") or 0),
            measured=path in expected,
            timeout=float(step.get("timeout") or 0),
        )
        rows += [row._replace(host=_short(str(host), 253)) for host in dict.fromkeys(step.get("hosts") or ())]
    return rows


def plan_rows(plan: events.PlanMade) -> list[dict[str, Any]]:
    """Which step waits for which, without the machines: those are in the rows of the steps."""
    return [
        {
            "path": _short(str(step["path"]), 128),
            "needs": [str(need) for need in step.get("needs") or ()],
            "needs_all": [str(need) for need in step.get("needs_all") or ()],
            "serial": bool(step.get("serial")),
            "uncut": bool(step.get("uncut")),
            "gate": bool(step.get("gate")),
        }
        for step in plan.steps
    ]


def clean(text: str) -> str:
    """Text that every database accepts and every page can show: no control codes, no half of a surrogate pair."""
    text = plain_text(text)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def plain(value: Any) -> Any:
    """The value as JSON types, with its texts cleaned; raises TypeError for anything else."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return clean(str(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, dict):
        return {clean(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} is not a JSON type")


def trimmed(value: Any) -> Any:
    """The value with every text in it shortened to what a page can show; a note replaces the middle."""
    if isinstance(value, dict):
        return {key: trimmed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trimmed(item) for item in value]
    if not isinstance(value, str) or len(value) <= TEXT_CHARACTERS:
        return value
    half = TEXT_CHARACTERS // 2
    return f"{value[:half]}\n… {len(value) - 2 * half} characters left out …\n{value[-half:]}"


def _short(text: str, length: int) -> str:
    return clean(text)[:length]
