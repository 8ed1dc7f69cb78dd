"""Spinners and progress bars leave one line, whatever they draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.engine import events
from clusters.models import Event, Run
from clusters.runs.events.redraws import Redraws, last_state
from clusters.runs.events.sink import DatabaseSink

if TYPE_CHECKING:
    from collections.abc import Callable


def line(text: str, host: str = "node1") -> events.Output:
    return events.Output(host=host, step="os/wait", text=text)


def texts(passed: list[events.Event]) -> list[str]:
    return [event.text for event in passed if isinstance(event, events.Output)]


def test_a_moving_arrow_is_one_line() -> None:
    redraws = Redraws()
    passed: list[events.Event] = []
    for number in range(9_000):
        arrow = " " * (number % 20) + ">>--->"
        passed += redraws.pass_on(line(f"\x1b[1A\x1b[KPlease wait for the installation to complete: {arrow}"))
    passed += redraws.pass_on(line("done"))
    assert len(passed) == 2
    assert "Please wait" in texts(passed)[0]


def test_a_counter_leaves_its_first_and_its_last_state() -> None:
    redraws = Redraws()
    passed: list[events.Event] = []
    for number in range(100):
        passed += redraws.pass_on(line(f"\x1b[2K{number + 1} of 100"))
        passed += redraws.pass_on(line(f"other {number}", host="node2"))
    passed += redraws.pass_on(events.StepChanged(host="node1", step="os/wait", state="changed"))
    assert [text for text in texts(passed) if "of 100" in text] == ["\x1b[2K1 of 100", "\x1b[2K100 of 100"]
    assert len([text for text in texts(passed) if "other" in text]) == 100
    assert isinstance(passed[-1], events.StepChanged)


def test_colors_are_not_redraws() -> None:
    redraws = Redraws()
    passed = [event for _ in range(3) for event in redraws.pass_on(line("\x1b[32mok\x1b[0m"))]
    assert len(passed) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10%\r50%\r100%", "100%"),
        ("100%\r\r", "100%"),
        ("plain", "plain"),
        ("\x1b[1A\x1b[K\x1b[32mok\x1b[0m", "\x1b[32mok\x1b[0m"),
    ],
)
def test_an_overwritten_line_has_its_last_state(text: str, expected: str) -> None:
    assert last_state(text) == expected


@pytest.mark.django_db(transaction=True)
def test_a_redraw_at_the_end_is_stored(make_run: Callable[..., Run]) -> None:
    run = make_run(state="running", worker="me")
    sink = DatabaseSink(run)
    for number in range(50):
        sink.emit(line(f"\x1b[1A{number} s"))
    assert sink.finish(events.RunChanged(state="failed"), state="failed")
    lines = [line[2] for row in Event.objects.filter(run=run, kind="output") for line in row.data["lines"]]
    assert lines == ["0 s", "49 s"]
    assert Event.objects.filter(run=run).order_by("-seq")[0].kind == "run"
