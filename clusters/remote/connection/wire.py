"""The TCP connection below SSH: opened with errors told apart, and noticing when the peer has gone."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import paramiko

from clusters.remote.connection.networks import resolved
from clusters.remote.errors import ConnectionRefused, ConnectTimedOut, NameNotResolved, NetworkUnreachable

if TYPE_CHECKING:
    from clusters.remote.connection.networks import Place
    from clusters.remote.target import Target

# Not a socket's lasting property but a wish for the next packets; Linux only.
_AT_ONCE: int = getattr(socket, "TCP_QUICKACK", 0)

log = logging.getLogger(__name__)

# Seconds that are left for the last addresses of a name when the time for all of them is over.
SHORTEST = 0.1
# After this many silent seconds the peer is asked for a sign of life ...
ASK_AFTER = 10.0
# ... and after this many it is given up.
GIVE_UP_AFTER = 25.0
# ... but not before this many checks after the question. If this process was paused, the answer may be there, unread,
# and the watch may run before the thread that reads it. A pause counts as one check, however long it was.
LOOKS_SINCE_ASKED = 5


class Heard(Protocol):
    """Something that SSH is spoken over; it knows when something was last heard on it (monotonic seconds)."""

    heard_at: float


class Wire(socket.socket):
    """A socket that remembers when something was last heard on it (monotonic seconds)."""

    heard_at: float = 0.0
    hasty: bool = False
    """Whether what arrives is acknowledged at once."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read, and note the time."""
        data = super().recv(size, flags)
        if self.hasty:
            with suppress(OSError):
                self.setsockopt(socket.IPPROTO_TCP, _AT_ONCE, 1)
        self.heard_at = time.monotonic()
        return data


def open_wire(target: Target) -> Wire:
    """Connect to a target, trying each of its addresses; together they get the target's timeout.

    Raises NameNotResolved, AddressRefused, ConnectionRefused, ConnectTimedOut or NetworkUnreachable.
    """
    failure: Exception | None = None
    places = _addresses(target)
    over = time.monotonic() + target.timeout
    for number, (family, kind, protocol, _, address) in enumerate(places):
        wire = Wire(family, kind, protocol)
        try:
            # A name with a hundred addresses that say nothing would else hold its place a hundred times as long.
            wire.settimeout(max(over - time.monotonic(), SHORTEST) / (len(places) - number))
            wire.connect(address)
            wire.settimeout(target.timeout)
            # Without it Nagle's algorithm holds small packets back: 51 ms for `true` instead of 12.
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            wire.close()
            failure = error
            continue
        wire.heard_at = time.monotonic()
        # A jump host's sshd has Nagle's algorithm on, since no session is opened there: it holds small packets back
        # until the last one is acknowledged, which our kernel puts off for 40 ms. 50 ms for `true` instead of 10.
        wire.hasty = target.is_jump and bool(_AT_ONCE)
        return wire
    raise _in_words(target, failure)


def _addresses(target: Target) -> list[Place]:
    if not target.address:
        raise NameNotResolved(f"{target.subject} has no address.", hint="Give its address or its internal address.")
    try:
        return resolved(target.address, target.port, target.networks)
    except (socket.gaierror, UnicodeError, OverflowError) as error:
        raise NameNotResolved(
            f"The address {target.address} of {target.name} is not an IP address and no name server knows it.",
            hint="Correct the address, or use the IP address.",
            retryable=getattr(error, "errno", None) == socket.EAI_AGAIN,
        ) from error


def _in_words(target: Target, failure: Exception | None) -> Exception:
    place = target.place
    if isinstance(failure, ConnectionRefusedError):
        return ConnectionRefused(
            f"{place} refuses the connection: the machine is there, but nothing listens on port {target.port}.",
            hint="Check the port, and that sshd runs (`systemctl status ssh sshd`).",
        )
    if isinstance(failure, TimeoutError):
        return ConnectTimedOut(
            f"{place} did not answer within {target.timeout:g} s.",
            hint="Is the machine on, the address right, and does no firewall drop the packets?",
        )
    why = getattr(failure, "strerror", None) or str(failure)
    return NetworkUnreachable(
        f"{place} cannot be reached: {why}.", hint="Check the address and the route from this server to it."
    )


class Watch:
    """Watches one connection and cuts it when the peer shows no sign of life.

    A pulled plug sends nothing, and paramiko's own keepalive does not look for an answer.
    Any byte counts as a sign of life; when none came for `ask_after` seconds the peer is asked, and it is given up
    only when nothing came after that either.
    """

    def __init__(
        self,
        wire: Heard,
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
        """Seconds since something was heard."""
        return time.monotonic() - self._wire.heard_at

    def stop(self) -> None:
        """No longer watch."""
        self._over.set()

    def _watch(self) -> None:
        asked: threading.Thread | None = None
        looks = 0
        while not self._over.wait(self.ask_after / 5):
            if not self._transport.is_active():
                return
            silent = self.silence
            if silent <= self.ask_after:
                looks = 0
                continue
            looks += 1
            if silent > self._give_up_after and looks > LOOKS_SINCE_ASKED:
                self.gave_up = True
                self._transport.close()
                return
            if not (asked and asked.is_alive()):
                asked = threading.Thread(target=self._ask, name="ssh-ask", daemon=True)
                asked.start()

    def _ask(self) -> None:
        try:
            self._transport.global_request("keepalive@openssh.com", wait=True)
        except (OSError, EOFError, paramiko.SSHException) as error:
            log.debug("no sign of life could be asked for: %s", error)
