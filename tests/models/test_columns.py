"""What the database knows of a field, by the field's name."""

from __future__ import annotations

import pytest

from clusters.models import AuditEntry, Run, StepRun
from clusters.models.columns import column_of, longest


def test_a_reference_has_a_column_of_another_name() -> None:
    assert column_of(StepRun, "run") == "run_id"
    assert column_of(StepRun, "step") == "step"


def test_what_others_refer_to_has_no_column() -> None:
    with pytest.raises(ValueError, match="steps of Run has no column"):
        column_of(Run, "steps")


def test_a_text_has_a_limit_and_a_number_has_none() -> None:
    assert longest(AuditEntry, "target") == 253
    with pytest.raises(ValueError, match="number of AuditEntry has no limit"):
        longest(AuditEntry, "number")
