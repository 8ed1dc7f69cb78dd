"""A preview of the whole installation gives no machine anything to do, whatever the machine answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clusters import catalog
from clusters.engine.events import StepChanged, WantSeen
from clusters.engine.executor import execute_plan
from clusters.engine.machine import Machine
from clusters.engine.plan import make_plan
from clusters.engine.step import discover
from clusters.errors import SourceError
from clusters.remote.fake import Answer, FakeHost
from clusters.remote.host import Cancel
from tests.catalog.pretend import GOOD, seed
from tests.engine.test_executor import Kept

DOCUMENT = seed()


class NoSource:
    """Artifacts that nobody can get."""

    def __getattr__(self, name: str) -> Any:
        """Whatever is asked of it cannot be had."""

        def refuse(*words: Any, **options: Any) -> Any:
            raise SourceError("Nothing is there.")

        return refuse


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What machines were given to do, in the way in which steps act."""
    found: list[str] = []

    def act(self: Machine, *words: Any, **options: Any) -> Any:
        found.append(f"{self.step}: {words[0]!r}"[:200])
        raise AssertionError("a preview acted")

    for way in ("do", "put"):
        monkeypatch.setattr(Machine, way, act)
    monkeypatch.setattr("clusters.engine.machine.read_facts", lambda host, *words, **options: replace(GOOD))
    for name in ("clusters.engine.tries.PAUSE", "clusters.engine.tries.RETURN_SECONDS"):
        monkeypatch.setattr(name, 0.0)
    return found


@pytest.mark.parametrize("code", [0, 1, 127])
def test_a_preview_of_an_installation_acts_nowhere(code: int, acts: list[str]) -> None:
    discover(catalog)
    sink = Kept()
    outcome = execute_plan(
        make_plan(DOCUMENT, skip=["precheck"]),
        document=DOCUMENT,
        open_host=lambda spec: FakeHost(spec.name, [("", Answer(exit_code=code))]),
        source=NoSource(),  # type: ignore[arg-type]
        sink=sink,
        cancel=Cancel(),
        dry_run=True,
    )
    assert acts == []
    ends = {str(event.state) for event in sink.events if isinstance(event, StepChanged)}
    assert ends <= {"running", "same", "would", "unforeseen", "failed"}
    assert outcome.failures == ()
    assert any(event.state == "would" for event in sink.events if isinstance(event, WantSeen))
