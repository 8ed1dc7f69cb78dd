"""A bare echo over a websocket: Channels and daphne without Slipway, for comparison with the log's latency.

A page sends lines at the log's rate, gets each back, and puts it into an element, as the log's page does.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter

from tests.processes import ROOT, environment, wait_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from playwright.sync_api import Browser

PAGE = b'<!doctype html><title>Echo</title><div id="lines" style="height: 90vh; overflow: auto; contain: strict"></div>'

ECHO_JS = r"""
async ({ rate, total, text }) => {
  const late = [];
  const lines = document.getElementById("lines");
  const now = () => performance.timeOrigin + performance.now();
  new MutationObserver((changes) => {
    const seen = now();
    for (const change of changes) for (const node of change.addedNodes) {
      late.push(seen - Number(/@([\d.]+)@/.exec(node.textContent)[1]));
    }
  }).observe(lines, { childList: true });
  const socket = new WebSocket(`ws://${location.host}/`);
  socket.onmessage = ({ data }) => {
    for (const line of JSON.parse(data)) {
      const row = document.createElement("div");
      row.textContent = line;
      lines.append(row);
    }
  };
  await new Promise((done) => { socket.onopen = done; });
  const began = performance.now();
  let number = 0;
  await new Promise((done) => {
    const tick = setInterval(() => {
      const due = Math.min(total, (performance.now() - began) * rate / 1000);
      const some = [];
      for (; number < due; number++) some.push(`@${now()}@ ${text.replace("%d", number)}`);
      if (some.length) socket.send(JSON.stringify(some));
      if (late.length >= total) { clearInterval(tick); done(); }
    }, 5);
  });
  return late;
}
"""
"""Lines go every 5 ms, as many at once as are due, as the worker prints them. Gives milliseconds."""


class Echo(AsyncWebsocketConsumer):
    """Sends back every message."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """At once."""
        await self.send(text_data)


async def page(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """The page, for every path."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": PAGE})


application = ProtocolTypeRouter({"http": page, "websocket": Echo.as_asgi()})


@contextmanager
def serving() -> Iterator[str]:
    """The echo as a separate process, like the pages; returns its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", port, f"{__name__}:application"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=quiet, stderr=quiet)
    address = f"http://127.0.0.1:{port}/"

    def answers() -> bool:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return bool(answer.read() == PAGE)
        except OSError:
            return False

    try:
        wait_for(answers, 30, "an answer of the echo")
        yield address
    finally:
        process.kill()
        process.wait()


def echoed(browser: Browser, text: str, rate: int, seconds: float) -> list[float]:
    """The milliseconds from sending to display of each line, sorted."""
    with serving() as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        total = int(rate * seconds)
        late = sorted(page.evaluate(ECHO_JS, {"rate": rate, "total": total, "text": text}))
        page.close()
    if len(late) != total:
        raise AssertionError(f"of {total} lines {len(late)} came back")
    return late
