"""cannot_be_had(): what a test does where the machine has not what it needs."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def cannot_be_had(why: str) -> NoReturn:
    """Skip the test and say why; where CI is "true" nothing may be missing, and it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)
