"""Gives the tests of high availability a lab."""

from __future__ import annotations

from tests.lab.fixtures import lab, lab_bundle

__all__ = ["lab", "lab_bundle"]
