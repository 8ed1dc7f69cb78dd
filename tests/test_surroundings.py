"""Tests give the same results whatever variables the caller's shell has set."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from tests.processes import ROOT
from tests.surroundings import drop_settings


@pytest.mark.thorough
def test_what_the_callers_shell_has_set_does_not_reach_the_settings() -> None:
    environment = {**os.environ, "SLIPWAY_IDLE_HOURS": "nonsense", "SLIPWAY_DATABASE": "mysql://production"}
    environment.pop("SLIPWAY_TEST_DATABASE", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "tests/test_numbers.py"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_servers_for_tests_become_settings_and_everything_else_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "SLIPWAY_ARTIFACTS": "/srv/bundle",
        "SLIPWAY_DATABASE": "postgres://production",
        "SLIPWAY_TEST_DATABASE": "postgres://tests",
        "SLIPWAY_GOLDEN": "write",
        "SLIPWAY_LAB_NAME": "mine",
    }
    with monkeypatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SLIPWAY_")]:
            patch.delenv(name)
        for name, value in given.items():
            patch.setenv(name, value)
        drop_settings()
        found = {name: value for name, value in os.environ.items() if name.startswith("SLIPWAY_")}
    del given["SLIPWAY_ARTIFACTS"]
    assert found == {**given, "SLIPWAY_DATABASE": "postgres://tests"}


def test_a_test_that_reaches_for_the_world_fails() -> None:
    with socket.socket() as link, pytest.raises(OSError, match=r"this one wanted 192\.0\.2\.1"):
        link.connect(("192.0.2.1", 80))
