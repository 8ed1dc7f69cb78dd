"""Scanning a network for SSH servers: a few addresses at once, slowly, and only up to the greeting."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.errors import InstallerError
from clusters.plaintext import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clusters.remote.connection.networks import Networks

# A /22; a larger network is a mistake, or should be scanned in parts.
MOST_ADDRESSES = 1024
# Connections that are open at the same time, and how many are started per second.
AT_ONCE, PER_SECOND = 64, 100
# Seconds for the connection, and for the greeting after it.
CONNECT_SECONDS, GREETING_SECONDS = 2.0, 2.0
# Seconds between two reports.
REPORT_EVERY = 0.5


class ScanRefused(InstallerError):
    """The request does not name a network, or the network is too large or not allowed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An address where the port is open; `banner` is the server's greeting, empty when it is not that of SSH."""

    address: str
    banner: str


def addresses_of(text: str, networks: Networks | None = None) -> tuple[str, ...]:
    """The addresses of an IPv4 network in CIDR notation that can be machines.

    Leaves out single refused addresses of an allowed network, such as Slipway's own. Raises ScanRefused.
    """
    try:
        network = ipaddress.IPv4Network(text.strip(), strict=False)
    except ValueError as error:
        raise ScanRefused(
            f"Expected an IPv4 network, found {text.strip()[:64]!r}.", hint="Enter it like 10.1.2.0/24."
        ) from error
    if network.num_addresses > MOST_ADDRESSES:
        raise ScanRefused(
            f"{network} has {network.num_addresses} addresses; the limit is {MOST_ADDRESSES}, a /22.",
            hint="Scan it in parts.",
        )
    addresses = tuple(str(address) for address in network.hosts())
    if networks is None:
        return addresses
    allowed = tuple(address for address in addresses if not networks.refusal(address))
    if not allowed or not networks.covers(network):
        listed = ", ".join(str(each) for each in networks.allowed) or "none"
        raise ScanRefused(
            f"Slipway does not scan {network}: it is not in an allowed network.",
            hint=f"Allowed: {listed}. An administrator can change {networks.setting}.",
        )
    return allowed


def scan(addresses: Iterable[str], port: int, *, report: Callable[[int, tuple[Answer, ...]], bool]) -> None:
    """Try every address. `report` gets how many are done and what answered; when it returns false, the scan ends.

    `report` is called in the caller's thread, outside of the event loop that scans; the last time with everything that
    was found. An error of the scan itself is raised here.
    """
    scanning = _Scan(tuple(addresses), port)
    thread = threading.Thread(target=scanning.run, name=f"scan port {port}", daemon=True)
    thread.start()
    ended = False
    try:
        while not ended:
            thread.join(REPORT_EVERY)
            # Check this before reading the results: what arrives during the report belongs to the next one.
            ended = not thread.is_alive()
            if not report(scanning.done, _in_order(scanning.found)):
                return
    finally:
        # `report` may have failed because its reader has gone; then nobody needs the rest of the scan.
        scanning.stop = True
        thread.join()
    if scanning.error is not None:
        raise scanning.error


class _Scan:
    """The addresses, how many are done, and what answered."""

    def __init__(self, addresses: tuple[str, ...], port: int) -> None:
        self.found: list[Answer] = []
        self.done = 0
        self.stop = False
        self.error: Exception | None = None
        self._addresses = addresses
        self._port = port

    def run(self) -> None:
        """Try every address in a separate event loop; an error is stored for the thread that waits."""
        try:
            asyncio.run(self.try_all())
        except ExceptionGroup as group:
            self.error = group.exceptions[0]
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            self.error = error

    async def try_all(self) -> None:
        """Try every address, until `stop` is set."""
        room = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for address in self._addresses:
                await room.acquire()
                if self.stop:
                    return
                group.create_task(self._try(address, room))
                await asyncio.sleep(1 / PER_SECOND)

    async def _try(self, address: str, room: asyncio.Semaphore) -> None:
        try:
            answer = await _greeting(address, self._port)
        finally:
            room.release()
        if answer is not None:
            self.found.append(answer)
        self.done += 1


def _in_order(found: Iterable[Answer]) -> tuple[Answer, ...]:
    return tuple(sorted(found, key=lambda answer: ipaddress.IPv4Address(answer.address)))


async def _greeting(address: str, port: int) -> Answer | None:
    """The first line that the server sends; None when nothing answers there."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return None
    try:
        async with asyncio.timeout(GREETING_SECONDS):
            line = await reader.read(256)
    except (OSError, TimeoutError):
        line = b""
    finally:
        writer.close()
    return Answer(address, ssh_greeting(line))


def ssh_greeting(received: bytes) -> str:
    """The identification line of an SSH server, without what comes before or after it (RFC 4253, 4.2); else empty.

    What other services send is dropped: a scan must not show the content of an internal page or a database.
    """
    lines = (line.decode("ascii", "replace") for line in received.splitlines())
    return next((plain_text(line).strip() for line in lines if line.startswith("SSH-")), "")
