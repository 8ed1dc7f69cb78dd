"""The pages as a separate process, on a free port of loopback, with the test's database."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from django.conf import settings
from django.test import Client

from tests.processes import ROOT, environment, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User

STARTS_SECONDS = 90
"""One that ends before it answers is noticed at once; the rest is how busy this machine is."""


@dataclass
class Site:
    """A web process that can be ended and restarted on the same port; `log_file` gets what it prints."""

    port: int
    log_file: IO[bytes]
    more: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "daphne", "--websocket_connect_timeout", "90"]
        command += ["-b", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "installer_site.asgi:application"],
            cwd=ROOT,
            env=environment(SLIPWAY_LOG_LEVEL="ERROR", **self.more),
            stdout=self.log_file,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(self._answers, STARTS_SECONDS, "an answer of the web process")
        except AssertionError as error:
            raise AssertionError(f"{error}; it printed:\n{self.output()}") from None

    def stop(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def output(self) -> str:
        """Its output so far."""
        # The process writes at the file's position, so nothing else may move it.
        number = self.log_file.fileno()
        return os.pread(number, os.fstat(number).st_size, 0).decode(errors="replace")

    def _answers(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError("The web process ended before it answered")
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            link.request("GET", "/healthz", headers={"Host": "localhost"})
            return link.getresponse().status == 200
        except OSError:
            return False
        finally:
            link.close()


@contextmanager
def site(**more: str) -> Iterator[Site]:
    """The pages, running with these settings during the block."""
    with socket.socket() as kept, tempfile.TemporaryFile() as log_file:
        # Bound but not listening, it reserves the port, even while the web process is down; a process that reuses the
        # address, as Daphne does, can listen there.
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        made = Site(kept.getsockname()[1], log_file, more)
        try:
            made.start()
            yield made
        finally:
            made.stop()


def session_of(user: User) -> str:
    """The cookie of a signed-in user."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value
