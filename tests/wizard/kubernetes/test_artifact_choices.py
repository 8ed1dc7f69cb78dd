"""The versions that the wizard offers, and what it shows about their source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.wizard.kubernetes import artifact_choices

if TYPE_CHECKING:
    from pytest_django import Settings

    from tests.conftest import BundleOf


@pytest.mark.parametrize(
    ("artifacts", "hint"), [("", "Downloaded from"), ("none", "no artifact source"), ("/nowhere", "no artifact source")]
)
def test_the_wizard_claims_no_source_that_is_not_there(settings: Settings, artifacts: str, hint: str) -> None:
    settings.SLIPWAY_ARTIFACTS = artifacts
    offered = artifact_choices.kubernetes_versions()
    assert hint in offered.hint
    assert offered.held == (artifacts == "")
    assert {"v1.20.2", "v1.37.2"} < set(offered.versions)


def test_a_bundle_offers_what_it_has_and_nothing_else(bundle_of: BundleOf) -> None:
    bundle_of("v1.36.3", "v1.20.2")
    assert artifact_choices.kubernetes_versions()[:3] == (
        ("v1.36.3", "v1.20.2"),
        "Versions in the artifact source.",
        True,
    )
