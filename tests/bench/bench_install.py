"""The lab's three-node install: Slipway beside a plain shell script that does the same by hand."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.install_measured import (
    Took,
    again,
    by_script,
    by_slipway,
    step_times,
    what_came_of_it,
)
from tests.bench.row import Row
from tests.lab.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.install_measured import StepTime

MOST = 1.25
"""Times the script's seconds."""

MOST_AGAIN = 0.19
"""Times the processor seconds of the installation, both of the machines, on which a cluster runs, and of this side.
12 s where an installation takes 62."""

ROUNDS = "BENCH_ROUNDS"
"""The environment's word for how often both install; two, when it is not there. The best of each counts."""


def rows() -> Iterator[Row]:
    """Needs root and the lab (`make lab`); machines are the bench's own, and gone afterwards."""
    lab = Lab("bench", "10.97.1")
    why_not = "it needs root" if os.geteuid() else "" if lab.is_built() else "it is not built: make lab"
    if why_not:
        if os.environ.get("CI") == "true":
            raise RuntimeError(f"install: the lab cannot be had: {why_not}")
        print(f"install: not measured, because the lab cannot be had: {why_not}")
        return
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as place:
        try:
            yield from _rows(lab, lab.build(), Path(place))
        finally:
            lab.down()


def _rows(lab: Lab, bundle: Path, place: Path) -> Iterator[Row]:
    """Turn about, so that whatever else this machine does meets both."""
    script: list[Took] = []
    slipway: list[Took] = []
    for number in range(int(os.environ.get(ROUNDS, "2"))):
        took, installed = by_script(lab, bundle, place / f"script-{number}")
        by_hand = what_came_of_it(installed)
        script.append(took)
        print(took.line("script"), flush=True)
        took, installed = by_slipway(lab, bundle, place / f"slipway-{number}")
        ours = what_came_of_it(installed)
        assert ours == by_hand, f"both were to end in the same state:\n{by_hand}\n{ours}"
        slipway.append(took)
        print(took.line("slipway"), flush=True)
    print(_told(step_times(installed)))
    seconds = [again(installed) for _ in range(2)]
    for took in seconds:
        print(took.line("again"), flush=True)
    best, beside = min(took.seconds for took in slipway), min(took.seconds for took in script)
    yield Row(
        "install on three machines",
        best / beside,
        MOST,
        unit="×",
        beside=f"Slipway {best:.1f} s, a script by hand {beside:.1f} s",
    )
    first, second = (min(took.machines + took.here for took in runs) for runs in (slipway, seconds))
    yield Row(
        "install again, nothing to do: of the processor time of an installation",
        second / first,
        MOST_AGAIN,
        unit="×",
        beside=f"{second:.1f} s of {first:.1f} s; {min(took.seconds for took in seconds):.1f} s by the clock",
    )


def _told(steps: list[StepTime]) -> str:
    """When each step of a run began and ended on its machines, in seconds since the first."""
    first = min(step.start for step in steps)
    lines = ["steps of the last run: from the first machine's begin to the last one's end"]
    for path in dict.fromkeys(step.path for step in steps if not step.path.startswith("precheck/")):
        times = [step for step in steps if step.path == path]
        start, end = min(step.start for step in times) - first, max(step.end for step in times) - first
        each = ", ".join(f"{step.host} {step.end - step.start:.1f}" for step in times)
        lines.append(f"{start:7.1f} {end:7.1f}  {path} ({each})")
    return "\n".join(lines)
