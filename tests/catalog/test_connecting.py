"""Connections and refused connections are timed in the same way."""

from __future__ import annotations

import socket
import subprocess

from clusters.catalog.connecting import RETRIED_MS, connecting


def test_connections_and_refusals_are_timed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as closed:
        ports = (server.getsockname()[1], closed.getsockname()[1])
        closed.close()
        command = connecting([f"127.0.0.1/{port}" for port in ports], tries=20, seconds=12)
        ran = subprocess.run(["/bin/sh", "-c", command.text], check=True, capture_output=True, text=True, timeout=30)
    for port in ports:
        times = [int(line.split()[1]) for line in ran.stdout.splitlines() if line.startswith(f"127.0.0.1/{port} ")]
        assert len(times) == 20
        assert max(times) < RETRIED_MS * 1000
