"""What the wizard lets people choose from, and what it says about where that comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.wizard import choices

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper


@pytest.mark.parametrize(
    ("artifacts", "hint"), [("", "Downloaded from"), ("none", "no artifact source"), ("/nowhere", "no artifact source")]
)
def test_the_wizard_claims_no_source_that_is_not_there(settings: SettingsWrapper, artifacts: str, hint: str) -> None:
    settings.SLIPWAY_ARTIFACTS = artifacts
    versions, said = choices.kubernetes_versions()
    assert hint in said
    assert {"v1.20.2", "v1.36.0"} < set(versions)
