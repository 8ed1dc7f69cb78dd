"""The table shows the measurements, and a missed limit is a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import __main__ as bench
from tests.bench.row import Row, cpu_seconds, table

if TYPE_CHECKING:
    import pytest


def test_a_row_shows_whether_its_must_is_kept() -> None:
    text = table([Row("fast", 0.1, 0.6, beside="other: 2 s"), Row("slow", 1, 0.5)])
    assert text.splitlines() == [
        "what | measured | must  | verdict | beside",
        "fast | 0.100 s  | 0.6 s | ok      | other: 2 s",
        "slow | 1.000 s  | 0.5 s | MISSED  |",
    ]


def test_a_missed_must_gives_a_failing_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "measure", lambda wanted: [Row("slow", 1, 0.5)])
    assert bench.main([]) == 1
    monkeypatch.setattr(bench, "measure", lambda wanted: [Row("fast", 0.1, 0.5)])
    assert bench.main([]) == 0
    assert "MISSED" in capsys.readouterr().out


def test_benches_are_found_by_their_names() -> None:
    assert "document" in bench.subjects()
    assert bench.main(["nothing"]) == 2


def test_the_fastest_round_counts() -> None:
    counted: list[int] = []
    assert cpu_seconds(lambda: counted.append(1), rounds=3) < 1
    assert len(counted) == 3
