"""Scans: listening servers are found, other addresses are skipped, and a scan can be stopped."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from clusters.remote import scan as scanning
from clusters.remote.scan import MOST_ADDRESSES, Answer, ScanRefused, addresses_of, scan

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def greeting(address: str, words: bytes, port: int = 0) -> Iterator[int]:
    """A server that sends this greeting to every client and closes the connection; returns its port."""
    with socket.create_server((address, port)) as server:

        def serve() -> None:
            while True:
                try:
                    peer, _address = server.accept()
                except OSError:
                    return
                with peer, suppress(OSError):
                    peer.sendall(words)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def scanned(addresses: tuple[str, ...], port: int) -> tuple[int, tuple[Answer, ...]]:
    reports: list[tuple[int, tuple[Answer, ...]]] = []

    def report(count: int, found: tuple[Answer, ...]) -> bool:
        reports.append((count, found))
        return True

    scan(addresses, port, report=report)
    return reports[-1]


def test_listening_servers_are_found_with_their_greeting() -> None:
    with (
        greeting("127.0.0.3", b"SSH-2.0-OpenSSH_9.2p1\r\n") as port,
        greeting("127.0.0.5", b"220 mail\r\n", port),
    ):
        count, found = scanned(addresses_of("127.0.0.0/29"), port)
    assert count == 6
    assert found == (Answer("127.0.0.3", "SSH-2.0-OpenSSH_9.2p1"), Answer("127.0.0.5", ""))


def test_an_address_without_a_server_is_not_found() -> None:
    with greeting("127.0.0.1", b"") as port:
        pass
    assert scanned(addresses_of("127.0.0.0/30"), port) == (2, ())


def test_answers_during_the_last_report_are_reported_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.remote.scan.REPORT_EVERY", 0.001)
    reports: list[tuple[int, int]] = []
    reporting, look = threading.Event(), scanning._greeting

    async def late(address: str, port: int) -> Answer | None:
        while address == "127.0.0.6" and not reporting.is_set():
            await asyncio.sleep(0.01)
        return await look(address, port)

    monkeypatch.setattr(scanning, "_greeting", late)
    with greeting("127.0.0.6", b"SSH-2.0-x\r\n") as port:

        def report(count: int, found: tuple[Answer, ...]) -> bool:
            reports.append((count, len(found)))
            reporting.set()
            # The scan ends while this report is still being stored.
            for thread in threading.enumerate():
                if thread.name == f"scan port {port}":
                    thread.join(60)
            return True

        scan(addresses_of("127.0.0.0/29"), port, report=report)
    assert reports[0][0] < 6 and reports[-1] == (6, 1)


def test_a_very_short_scan_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    began = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (began(thread), thread.join()))
    assert scanned((), 22) == (0, ())


def test_an_error_of_a_scan_is_raised_in_the_callers_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(address: str, port: int) -> None:
        raise ValueError(f"{address} {port}")

    monkeypatch.setattr("clusters.remote.scan._greeting", broken)
    with pytest.raises(ValueError, match=r"127\.0\.0\.1 22"):
        scanned(addresses_of("127.0.0.1"), 22)


def test_a_stop_request_is_obeyed_before_the_end() -> None:
    with greeting("127.0.0.1", b"SSH-2.0-x\r\n") as port:
        counts: list[int] = []

        def report(count: int, found: tuple[Answer, ...]) -> bool:
            counts.append(count)
            return False

        scan(addresses_of("127.0.0.0/22"), port, report=report)
    assert len(counts) == 1 and counts[0] < 1022


@pytest.mark.parametrize("text", ["", "10.1.2", "somewhere", "10.0.0.0/33", "fd00::/120", "10.0.0.0/21", "0.0.0.0/0"])
def test_large_and_invalid_networks_are_refused(text: str) -> None:
    with pytest.raises(ScanRefused) as refusal:
        addresses_of(text)
    assert refusal.value.hint


def test_host_bits_are_forgiven_and_the_largest_network_is_a_22() -> None:
    assert addresses_of("10.1.2.77/30") == ("10.1.2.77", "10.1.2.78")
    assert len(addresses_of("10.0.0.0/22")) == MOST_ADDRESSES - 2
    assert addresses_of("10.1.2.3") == ("10.1.2.3",)


def test_a_scan_ends_when_its_reader_is_gone() -> None:
    def gone(count: int, found: tuple[Answer, ...]) -> bool:
        raise ConnectionError("the reader is gone")

    with pytest.raises(ConnectionError):
        scan(tuple(f"127.9.{number // 250}.{number % 250 + 1}" for number in range(1000)), 9, report=gone)
    assert not [thread for thread in threading.enumerate() if thread.name == "scan port 9"]


def test_an_error_of_a_scan_does_not_count_as_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(self: object) -> None:
        raise RuntimeError("no event loop any more")

    monkeypatch.setattr(scanning._Scan, "try_all", breaks)
    with pytest.raises(RuntimeError, match="no event loop"):
        scanned(("127.0.0.1",), 9)
