"""Real Slipway processes in tests: with the test's database, keys and fake engine, and always ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 90.0
"""Seconds. A process may need some twenty to start on a busy machine, and that must not fail a test."""


def database() -> str:
    """The address of the test's database."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite://{Path(known['NAME']).resolve()}"
    return f"postgres://{known['USER']}:{known['PASSWORD']}@{known['HOST']}:{known['PORT']}/{known['NAME']}"


def environment(**more: str) -> dict[str, str]:
    """The environment for a process that uses the test's database."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "installer_site.settings",
        "SLIPWAY_DATABASE": database(),
        "SLIPWAY_SECRET_KEYS": ",".join(settings.SLIPWAY_SECRET_KEYS),
        "SLIPWAY_SECRET_KEY": settings.SECRET_KEY,
        "SLIPWAY_LEASE_SECONDS": "2",
        "SLIPWAY_HEARTBEAT_SECONDS": "0.3",
        "SLIPWAY_POLL_SECONDS": "0.1",
        "SLIPWAY_RUN_ON_MACHINES": "tests.runs.fakes.slow",
        "SLIPWAY_PROBE": "tests.runs.fakes.gentle_probe",
        **more,
    }


@contextmanager
def manage(*arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """A running `manage.py` command with more environment variables; killed at the end if it still runs."""
    # A full pipe that nobody reads blocks the writer.
    with tempfile.TemporaryFile() as file, _running(arguments, file, more) as process:
        yield process


@contextmanager
def manage_and_read(*arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """The same for a test that reads the output of the command."""
    with _running(arguments, subprocess.PIPE, more) as process:
        yield process


@contextmanager
def _running(
    arguments: Sequence[str], output: int | IO[bytes], more: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(**more),
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(true: Callable[[], object], seconds: float = PATIENCE, what: str = "it") -> None:
    """Wait until a condition is true; the test fails if that takes too long."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come true within {seconds} seconds")
        time.sleep(0.05)
