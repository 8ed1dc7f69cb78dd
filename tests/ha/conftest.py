"""Gives the tests of high availability a lab, a browser, and a way to tell what they measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import browser
from tests.lab.fixtures import lab, lab_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["browser", "lab", "lab_bundle"]


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Takes a sentence on what was measured; all of them stand at the end of a run of the tests."""
    return lambda sentence: record_property("figure", sentence)
