"""The health check of a container finds the pages where they listen, under an allowed host name."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from installer_site import health

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pages(BaseHTTPRequestHandler):
    """Responds like Django: only to allowed host names."""

    known = ("localhost", "slipway.example", "example.org")

    def do_GET(self) -> None:
        self.send_response(200 if self.headers["Host"] in self.known and self.path == "/healthz" else 400)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("names", [None, "*", "slipway.example, other.example", ".example.org"])
def test_the_check_uses_an_allowed_host_name(monkeypatch: pytest.MonkeyPatch, port: int, names: str | None) -> None:
    monkeypatch.setenv("SLIPWAY_LISTEN", f"0.0.0.0:{port}")
    if names is not None:
        monkeypatch.setenv("SLIPWAY_ALLOWED_HOSTS", names)
    assert health.problem() == ""


def test_pages_that_refuse_or_do_not_answer_are_unhealthy(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setenv("SLIPWAY_LISTEN", f"127.0.0.1:{port}")
    monkeypatch.setenv("SLIPWAY_ALLOWED_HOSTS", "unknown.example")
    assert health.problem() == f"127.0.0.1 port {port} answers with status 400"
    monkeypatch.setenv("SLIPWAY_LISTEN", "127.0.0.1:1")
    assert health.problem().startswith("127.0.0.1 port 1 does not answer: ")


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("0.0.0.0:8000", ("127.0.0.1", 8000)),
        ("[::]:80", ("::1", 80)),
        ("[2001:db8::1]:80", ("2001:db8::1", 80)),
        ("10.0.0.1:x", ("10.0.0.1", 0)),
    ],
)
def test_a_server_that_listens_everywhere_is_checked_on_loopback(listen: str, expected: tuple[str, int]) -> None:
    assert health.place(listen) == expected
