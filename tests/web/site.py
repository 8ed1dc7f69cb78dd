"""The pages as a process of their own, on a free port of loopback, over the test's database."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from django.test import Client

from tests.processes import ROOT, environment, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User


@dataclass
class Site:
    """A web process that can be ended and started again on the same port."""

    port: int
    more: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "installer_site.asgi:application"],
            cwd=ROOT,
            env=environment(SLIPWAY_LOG_LEVEL="ERROR", **self.more),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._answers, 30, "an answer of the web process")

    def stop(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
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
    """The pages for as long as the block lasts, with these settings."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Site(port, more)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def session_of(user: User) -> str:
    """The cookie of somebody who is signed in."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value
