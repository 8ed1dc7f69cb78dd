"""Comparisons for `bench_log`: the same tasks by the most obvious means."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.utils import timezone

from clusters.models import Event
from tests.bench.fakes import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.models import Run
    from tests.web.site import Site

PRINTED = re.compile(r"@(\d+)@")
PAUSE = 1.0
"""Seconds between two requests of a page that polls."""


def fetched(pages: Site, session: str, path: str) -> bytes:
    """The whole answer."""
    request = urllib.request.Request(pages.url + path, headers={"Cookie": f"sessionid={session}"})
    with urllib.request.urlopen(request) as answer:
        body: bytes = answer.read()
    return body


def row_for_each_line(run: Run, count: int) -> float:
    """Seconds to store so many lines as separate rows, five hundred at a time."""
    now = timezone.now()
    rows = [
        Event(run=run, seq=run.last_seq + number + 1, at=now, kind="output", host="node1", step="os/a",
              data={"lines": [[now.timestamp(), "out", TEXT % number]]}, first_line=number + 1, line_count=1)
        for number in range(count)
    ]  # fmt: skip
    began = time.monotonic()
    Event.objects.bulk_create(rows, batch_size=500)
    took = time.monotonic() - began
    Event.objects.filter(run=run, seq__gt=run.last_seq).delete()
    return took


def whole_log(pages: Site, session: str, run: Run, word: str) -> tuple[float, float]:
    """Seconds until the whole log is downloaded as a file, and until it has been searched as well."""
    began = time.monotonic()
    body = fetched(pages, session, f"/runs/{run.pk}/log.txt")
    here = time.monotonic() - began
    found = [line for line in body.decode().splitlines() if word in line.lower()]
    if len(found) != 1:
        raise AssertionError(f"The file has {len(found)} lines with {word}.")
    return here, time.monotonic() - began


@contextmanager
def asking(pages: Site, session: str, run: Run) -> Iterator[list[int]]:
    """A client that polls for new lines every second; the list has the milliseconds until each line was received."""
    late: list[int] = []
    over = threading.Event()

    def ask() -> None:
        after = 0
        while not over.wait(PAUSE):
            page = json.loads(fetched(pages, session, f"/runs/{run.pk}/log/?after={after}&limit=5000"))
            now = time.time() * 1000
            for row in page["lines"]:
                printed = PRINTED.search(row[5])
                assert printed is not None
                late.append(int(now - float(printed[1])))
                after = row[0]

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield late
    finally:
        over.set()
        thread.join(60)
