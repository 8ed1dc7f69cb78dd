"""The caller's shell: what it has set for a Slipway of its own must not reach the tests, nor what they start.

pytest loads this before Django's settings read the environment (`-p` in pyproject.toml).
"""

from __future__ import annotations

import os

PREFIX = "SLIPWAY_"
FOR_TESTS = ("SLIPWAY_GOLDEN", "SLIPWAY_LAB_", "SLIPWAY_TEST_")
"""These say how tests are run."""
SERVERS = {"SLIPWAY_TEST_DATABASE": "SLIPWAY_DATABASE", "SLIPWAY_TEST_REDIS": "SLIPWAY_REDIS"}
"""Servers that are there for tests (`scripts/with-postgres`), and the settings that they become."""


def drop_settings() -> None:
    """Forget Slipway's settings, except those that are meant for tests."""
    for name in [name for name in os.environ if name.startswith(PREFIX) and not name.startswith(FOR_TESTS)]:
        del os.environ[name]
    for given, setting in SERVERS.items():
        if given in os.environ:
            os.environ[setting] = os.environ[given]


drop_settings()
