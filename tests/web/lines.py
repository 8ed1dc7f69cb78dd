"""Lines in the log of a run, written as the sink writes them, without a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from clusters.models import Event, Run

if TYPE_CHECKING:
    from collections.abc import Iterable

CHUNK = 64
AT = 1_700_000_000.0


def add(run: Run, texts: list[str], host: str = "node1", stream: str = "out") -> None:
    """Append lines, in chunks as the sink writes them."""
    parts = (texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK))
    add_chunks(run, ((host, stream, part) for part in parts))


def add_chunks(run: Run, chunks: Iterable[tuple[str, str, list[str]]]) -> None:
    """Append chunks of (machine, stream, lines)."""
    run.refresh_from_db()
    seq, line, now = run.last_seq, run.last_line, timezone.now()
    rows = []
    for host, stream, texts in chunks:
        seq += 1
        data = {"lines": [[AT, stream, text] for text in texts]}
        rows.append(
            Event(run=run, seq=seq, at=now, kind="output", host=host, step="os/a", data=data,
                  first_line=line + 1, line_count=len(texts))
        )  # fmt: skip
        line += len(texts)
    Event.objects.bulk_create(rows, batch_size=500)
    Run.objects.filter(pk=run.pk).update(last_seq=seq, last_line=line)


def numbered(first: int, last: int) -> list[str]:
    """A text for each number."""
    return [f"this is line {number}" for number in range(first, last + 1)]


def fill(run: Run, count: int, text: str, needle: str, hosts: int = 20) -> None:
    """`count` lines of `text` (with %d for their number) from many machines, and one needle among them."""

    def chunks() -> Iterable[tuple[str, str, list[str]]]:
        for start in range(0, count, CHUNK):
            lines = [text % number for number in range(start, min(start + CHUNK, count))]
            if start <= count // 2 < start + CHUNK:
                lines[3] = f"{needle} {start}"
            yield f"node{start // CHUNK % hosts}", "out", lines

    add_chunks(run, chunks())
