"""The caller's shell: its settings for another Slipway must not reach the tests, or processes that they start.

pytest loads this before Django's settings read the environment (`-p` in pyproject.toml).
"""

from __future__ import annotations

import os

PREFIX = "SLIPWAY_"
FOR_TESTS = ("SLIPWAY_GOLDEN", "SLIPWAY_LAB_", "SLIPWAY_TEST_")
"""These control how tests run."""
SERVERS = {"SLIPWAY_TEST_DATABASE": "SLIPWAY_DATABASE", "SLIPWAY_TEST_REDIS": "SLIPWAY_REDIS"}
"""Servers for tests (`scripts/with-postgres`), and the settings for them."""


def drop_settings() -> None:
    """Remove Slipway's settings, except those that are meant for tests."""
    for name in [name for name in os.environ if name.startswith(PREFIX) and not name.startswith(FOR_TESTS)]:
        del os.environ[name]
    for given, setting in SERVERS.items():
        if given in os.environ:
            os.environ[setting] = os.environ[given]


drop_settings()
