"""Gives the tests of high availability a lab, and a browser."""

from __future__ import annotations

from tests.browser import browser
from tests.lab.fixtures import lab, lab_bundle

__all__ = ["browser", "lab", "lab_bundle"]
