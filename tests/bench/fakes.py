"""Pretended installations that only print, as much and as evenly as a measurement wants."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from clusters.engine import events
from tests.runs.fakes import Ended

if TYPE_CHECKING:
    from clusters.engine.events import Sink
    from clusters.remote.host import Cancel
    from clusters.runs.task import Task

HOSTS = 20
TEXT = "2026-01-01T00:00:00.000000000Z I0101 pulling layer sha256:0123456789abcdef of the image, %d of many"


def plan(sink: Sink) -> None:
    hosts = [f"node{number}" for number in range(HOSTS)]
    sink.emit(events.PlanMade(steps=[{"path": "os/a", "title": "A", "phase": "os", "hosts": hosts}]))


def crowd(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """Twenty machines print as fast as they may; BENCH_LINES each."""
    plan(sink)
    count = int(os.environ["BENCH_LINES"])

    def one(host: str) -> None:
        for number in range(count):
            sink.emit(events.Output(host=host, step="os/a", text=TEXT % number))

    threads = [threading.Thread(target=one, args=(f"node{number}",)) for number in range(HOSTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Ended("succeeded", changed=1)


def metronome(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """BENCH_RATE lines a second for BENCH_SECONDS, each with the moment in milliseconds at which it was printed."""
    plan(sink)
    rate, seconds = int(os.environ["BENCH_RATE"]), float(os.environ["BENCH_SECONDS"])
    cancel.wait(float(os.environ.get("BENCH_WAIT", "0")))
    began = time.monotonic()
    number = 0
    total = int(rate * seconds)
    while number < total:
        while number < min(total, (time.monotonic() - began) * rate):
            text = f"@{time.time() * 1000:.0f}@ {TEXT % number}"
            sink.emit(events.Output(host=f"node{number % HOSTS}", step="os/a", text=text))
            number += 1
        time.sleep(0.005)
    return Ended("succeeded", changed=1)
