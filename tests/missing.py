"""cannot_be_had(): what a test does where the machine lacks what it needs."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def cannot_be_had(why: str) -> NoReturn:
    """Skip the test with a reason; where CI is "true" nothing may be missing, so it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)
