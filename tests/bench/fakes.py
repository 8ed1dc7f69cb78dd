"""Installations for measurements: some only print, at a given amount and rate; one uses the real engine."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from clusters.engine import events
from clusters.engine.step import Register, step
from clusters.engine.wants import Sight, Wanted, doing
from clusters.remote.shell import sh
from tests.runs.fakes import Ended
from tests.runs.scenes import play

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.events import Sink
    from clusters.engine.executor import Outcome
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.host import Cancel
    from clusters.runs.task import Task

HOSTS = 20
TEXT = "2026-01-01T00:00:00.000000000Z I0101 pulling layer sha256:0123456789abcdef of the image, %d of many"


def plan(sink: Sink) -> None:
    hosts = [f"node{number}" for number in range(HOSTS)]
    sink.emit(events.PlanMade(steps=[{"path": "os/a", "title": "A", "phase": "os", "hosts": hosts}]))


def crowd(task: Task, sink: Sink, cancel: Cancel) -> Ended:
    """Twenty machines print as fast as they can; BENCH_LINES each."""
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
    """BENCH_RATE lines a second for BENCH_SECONDS, each with the time in milliseconds at which it was printed."""
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


def trivial_steps(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """The real engine over real SSH: BENCH_STEPS steps, one command each, one after the other on each machine."""
    register = Register()
    for number in range(int(os.environ["BENCH_STEPS"])):
        declare(register, number)
    return play(register, task, sink, cancel)


def declare(register: Register, number: int) -> None:
    needs = (f"first/step{number - 1:02}",) if number else ()

    @step(f"first/step{number:02}", on="all", needs=needs, register=register)
    def trivial(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Print one line on each machine"""

        def look(here: Machine) -> Sight:
            return Sight(here.do(sh("echo step {}", number)).ok)

        yield Wanted("the line was printed", look, doing(sh("echo step {}", number)))
