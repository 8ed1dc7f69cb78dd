"""The results of the engine's bench: medians decide, and the noise is shown beside them."""

from __future__ import annotations

import pytest

from tests.bench.engine_measured import ROUNDS_OF_ANSIBLE, Times, compared


def test_one_lucky_or_disturbed_round_does_not_decide() -> None:
    engine, bare = Times((2.2, 2.3, 9.0, 2.2, 2.3)), Times((2.0, 2.0, 0.5, 2.0, 2.0))
    row, _ = compared("forty machines", {"engine": engine, "bare": bare, "ansible": Times((20.0, 22.0, 21.0))})
    assert row.measured == pytest.approx(1.15)
    assert row.beside == (
        "2.30 s (2.20 to 9.00 in 5 rounds, spread 296%), bare 2.00 s (0.50 to 2.00 in 5 rounds, spread 75%)"
    )


def test_every_candidate_has_rounds_enough_for_a_median() -> None:
    assert ROUNDS_OF_ANSIBLE >= 3
