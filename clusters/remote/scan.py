"""Looking through a network for SSH servers: a few addresses at once, slowly, and only as far as a greeting."""

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

# A /22; a larger network is asked for by mistake, or should be asked for in parts.
MOST_ADDRESSES = 1024
# Connections that are open at the same time, and how many are begun in a second.
AT_ONCE, PER_SECOND = 64, 100
# Seconds for the connection, and for the greeting after it.
CONNECT_SECONDS, GREETING_SECONDS = 2.0, 2.0
# Seconds between two reports.
REPORT_EVERY = 0.5


class ScanRefused(InstallerError):
    """What was asked for is no network, or too large a one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An address where the port is open; `banner` is the server's greeting, empty when it is not that of SSH."""

    address: str
    banner: str


def addresses_of(text: str, networks: Networks | None = None) -> tuple[str, ...]:
    """The addresses of an IPv4 network in CIDR notation that can be machines.

    Of an allowed network those are left out that are refused singly, such as Slipway's own. Raises ScanRefused.
    """
    try:
        network = ipaddress.IPv4Network(text.strip(), strict=False)
    except ValueError as error:
        raise ScanRefused(
            f"Expected an IPv4 network, found {text.strip()[:64]!r}.", hint="Write it like 10.1.2.0/24."
        ) from error
    if network.num_addresses > MOST_ADDRESSES:
        raise ScanRefused(
            f"{network} has {network.num_addresses} addresses; at most {MOST_ADDRESSES} are looked at, a /22.",
            hint="Scan it in parts.",
        )
    addresses = tuple(str(address) for address in network.hosts())
    if networks is None:
        return addresses
    allowed = tuple(address for address in addresses if not networks.refusal(address))
    if not allowed or not networks.covers(network):
        listed = ", ".join(str(each) for each in networks.allowed) or "none"
        raise ScanRefused(
            f"Slipway does not scan {network}: it does not lie in an allowed network.",
            hint=f"Allowed are {listed}. An administrator can change {networks.setting}.",
        )
    return allowed


def scan(addresses: Iterable[str], port: int, *, tell: Callable[[int, tuple[Answer, ...]], bool]) -> None:
    """Look at every address. `tell` gets how many are done and what answered so far; when it gives false, it ends.

    `tell` is called in the caller's thread, outside of the event loop that looks; the last time with everything that
    was found. What breaks the look itself is raised here.
    """
    look = _Look(tuple(addresses), port)
    thread = threading.Thread(target=look.run, name=f"scan port {port}", daemon=True)
    thread.start()
    ended = False
    try:
        while not ended:
            thread.join(REPORT_EVERY)
            # Check this before reading the results: what arrives during the report belongs to the next one.
            ended = not thread.is_alive()
            if not tell(look.done, _in_order(look.found)):
                return
    finally:
        # `tell` may have failed because its reader has gone; then there is no reason to go on scanning.
        look.stop = True
        thread.join()
    if look.broken is not None:
        raise look.broken


class _Look:
    """The addresses, how many are done, and what answered."""

    def __init__(self, addresses: tuple[str, ...], port: int) -> None:
        self.found: list[Answer] = []
        self.done = 0
        self.stop = False
        self.broken: Exception | None = None
        self._addresses = addresses
        self._port = port

    def run(self) -> None:
        """Look at every address in an event loop of its own; what breaks it is kept for whoever waits."""
        try:
            asyncio.run(self.at_all())
        except ExceptionGroup as group:
            self.broken = group.exceptions[0]
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            self.broken = error

    async def at_all(self) -> None:
        """Look at every address, or until told to stop."""
        room = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for address in self._addresses:
                await room.acquire()
                if self.stop:
                    return
                group.create_task(self._at(address, room))
                await asyncio.sleep(1 / PER_SECOND)

    async def _at(self, address: str, room: asyncio.Semaphore) -> None:
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
    """What the server says first; None when nothing answers there."""
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
    """The line with which an SSH server begins, without what comes before or after it (RFC 4253, 4.2); else empty.

    What other services send is kept by nobody: a scan must not show what an inner page or a database says.
    """
    lines = (line.decode("ascii", "replace") for line in received.splitlines())
    return next((plain_text(line).strip() for line in lines if line.startswith("SSH-")), "")
