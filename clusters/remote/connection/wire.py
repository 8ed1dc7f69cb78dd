"""The TCP connection below SSH: an error for each cause of failure, and a watch that notices when the peer has gone."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import paramiko

from clusters.remote.connection.networks import resolve
from clusters.remote.errors import ConnectionRefused, ConnectTimedOut, NameNotResolved, NetworkUnreachable

if TYPE_CHECKING:
    from clusters.remote.connection.networks import Place
    from clusters.remote.target import Target

# Not a lasting property of a socket: it holds for the next packets only; Linux only.
_AT_ONCE: int = getattr(socket, "TCP_QUICKACK", 0)

log = logging.getLogger(__name__)

# Seconds for each of the last addresses of a name when the time for all of them is over.
SHORTEST = 0.1
# After this many silent seconds the peer is asked for a sign of life ...
ASK_AFTER = 10.0
# ... and after this many the connection is given up.
GIVE_UP_AFTER = 25.0
# ... but not before this many checks after the question. If this process was paused, the answer may be there, unread,
# and the watch may run before the thread that reads it. A pause counts as one check, however long it was.
CHECKS_SINCE_QUESTION = 5


class Transport(Protocol):
    """What SSH runs over; `heard_at` is when data last arrived (monotonic seconds)."""

    heard_at: float


class Wire(socket.socket):
    """A socket that stores when data last arrived (monotonic seconds)."""

    heard_at: float = 0.0
    hasty: bool = False
    """Whether arriving data is acknowledged at once."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read, and note the time."""
        data = super().recv(size, flags)
        if self.hasty:
            with suppress(OSError):
                self.setsockopt(socket.IPPROTO_TCP, _AT_ONCE, 1)
        self.heard_at = time.monotonic()
        return data


def open_wire(target: Target) -> Wire:
    """Connect to a target, trying each of its addresses; they share the target's timeout.

    Raises NameNotResolved, AddressRefused, ConnectionRefused, ConnectTimedOut or NetworkUnreachable.
    """
    failure: Exception | None = None
    places = _addresses(target)
    over = time.monotonic() + target.timeout
    for number, (family, kind, protocol, _, address) in enumerate(places):
        wire = Wire(family, kind, protocol)
        try:
            # Otherwise a name with a hundred silent addresses would hold its place a hundred times as long.
            wire.settimeout(max(over - time.monotonic(), SHORTEST) / (len(places) - number))
            wire.connect(address)
            wire.settimeout(target.timeout)
            # Without it Nagle's algorithm delays small packets: 51 ms for `true` instead of 12.
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            wire.close()
            failure = error
            continue
        wire.heard_at = time.monotonic()
        # A jump host's sshd has Nagle's algorithm on, since no session is opened there: it delays small packets
        # until the last one is acknowledged, which our kernel delays by 40 ms. 50 ms for `true` instead of 10.
        wire.hasty = target.is_jump and bool(_AT_ONCE)
        return wire
    raise _explain(target, failure)


def _addresses(target: Target) -> list[Place]:
    if not target.address:
        raise NameNotResolved(f"{target.subject} has no address.", hint="Enter its address or its internal address.")
    try:
        return resolve(target.address, target.port, target.networks)
    except (socket.gaierror, UnicodeError, OverflowError) as error:
        raise NameNotResolved(
            f"The address {target.address} of {target.name} is not an IP address and no name server knows it.",
            hint="Correct the address, or use the IP address.",
            retryable=getattr(error, "errno", None) == socket.EAI_AGAIN,
        ) from error


def _explain(target: Target, failure: Exception | None) -> Exception:
    place = target.place
    if isinstance(failure, ConnectionRefusedError):
        return ConnectionRefused(
            f"{place} refuses the connection: the machine answers, but nothing listens on port {target.port}.",
            hint="Check the port, and that sshd runs (`systemctl status ssh sshd`).",
        )
    if isinstance(failure, TimeoutError):
        return ConnectTimedOut(
            f"{place} did not answer within {target.timeout:g} s.",
            hint="Is the machine on, is the address right, does a firewall drop the packets?",
        )
    why = getattr(failure, "strerror", None) or str(failure)
    return NetworkUnreachable(
        f"{place} cannot be reached: {why}.", hint="Check the address and the route from this server to it."
    )


class Watch:
    """Watches one connection and cuts it when the peer shows no sign of life.

    A machine without power sends nothing, and paramiko's own keepalive does not wait for an answer.
    Any byte counts as a sign of life; when none arrived for `ask_after` seconds the peer is asked, and it is given up
    only when nothing arrives after that either.
    """

    def __init__(
        self,
        wire: Transport,
        transport: paramiko.Transport,
        ask_after: float = ASK_AFTER,
        give_up_after: float = GIVE_UP_AFTER,
    ) -> None:
        self._wire = wire
        self._transport = transport
        self.ask_after = ask_after
        self._give_up_after = give_up_after
        self._over = threading.Event()
        self.gave_up = False
        threading.Thread(target=self._watch, name="ssh-watch", daemon=True).start()

    @property
    def silence(self) -> float:
        """Seconds since data last arrived."""
        return time.monotonic() - self._wire.heard_at

    def stop(self) -> None:
        """Stop watching."""
        self._over.set()

    def _watch(self) -> None:
        question: threading.Thread | None = None
        checks = 0
        while not self._over.wait(self.ask_after / 5):
            if not self._transport.is_active():
                return
            silent = self.silence
            if silent <= self.ask_after:
                checks = 0
                continue
            checks += 1
            if silent > self._give_up_after and checks > CHECKS_SINCE_QUESTION:
                self.gave_up = True
                self._transport.close()
                return
            if not (question and question.is_alive()):
                question = threading.Thread(target=self._ask, name="ssh-ask", daemon=True)
                question.start()

    def _ask(self) -> None:
        try:
            self._transport.global_request("keepalive@openssh.com", wait=True)
        except (OSError, EOFError, paramiko.SSHException) as error:
            log.debug("asking for a sign of life failed: %s", error)
