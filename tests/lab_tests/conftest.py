"""Gives the lab's own tests their machines."""

from __future__ import annotations

from tests.lab.fixtures import lab, lab_bundle

__all__ = ["lab", "lab_bundle"]
