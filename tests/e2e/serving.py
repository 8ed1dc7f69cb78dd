"""Slipway as users start it: `manage.py serve` with a fresh data directory, observed from outside."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.proc import children_of, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
STOP_SECONDS = 90.0
FIRST_START = re.compile(r"log in as (\S+) with the one-time password (\S+)")


@dataclass
class Site:
    """A running Slipway. It printed `user` and `one_time_password`."""

    url: str
    data: Path
    variables: dict[str, str]
    process: subprocess.Popen[bytes]
    user: str = ""
    one_time_password: str = ""

    @property
    def database(self) -> Path:
        """The database file."""
        return self.data / "slipway.sqlite3"

    @property
    def log(self) -> Path:
        """The output of serve, its web process and its workers."""
        return self.data.parent / "serve.log"

    def ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the database, read from outside."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute(question, values).fetchall()

    def worker(self) -> int:
        """The process that executes runs."""
        for child in children_of(self.process.pid):
            if "work" in words_of(child):
                return child
        raise AssertionError("serve has no worker now")

    def manage(self, *arguments: str, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Another `manage.py` command on the same data."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )


@contextmanager
def serving(place: Path, *, artifacts: Path, practice_file: Path) -> Iterator[Site]:
    """Slipway as long as the block runs; `place` is an empty directory."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SLIPWAY_")}
    variables = {
        **ours,
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "installer_site.settings",
        "SLIPWAY_DATA_DIR": str(place / "data"),
        "SLIPWAY_ARTIFACTS": str(artifacts),
        "SLIPWAY_PRACTICE_FILE": str(practice_file),
    }
    with (place / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--listen", listen],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    site = Site(f"http://{listen}", place / "data", variables, process)
    try:
        _wait_for_start(site)
        yield site
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_start(site: Site) -> None:
    address, port = site.url.removeprefix("http://").split(":")

    def answers() -> bool:
        if site.process.poll() is not None:
            raise AssertionError(f"serve has ended:\n{site.log.read_text()}")
        with socket.socket() as probe:
            return probe.connect_ex((address, int(port))) == 0

    wait_for(answers, START_SECONDS, "the first answer")
    login = FIRST_START.search(site.log.read_text())
    assert login is not None, site.log.read_text()
    site.user, site.one_time_password = login[1], login[2]


def wait_for(true: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until a condition is true; fails the test when that takes too long."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise AssertionError(f"gave up after {seconds:.0f} seconds of waiting for {what}")
        time.sleep(0.2)
