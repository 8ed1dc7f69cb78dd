"""A tunnel through a jump host: a channel of its SSH connection used as a socket, with an error for each cause."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import paramiko

from clusters.remote.connection.bounded import BoundedTransport
from clusters.remote.errors import (
    ConnectionRefused,
    ConnectTimedOut,
    JumpRefused,
    NameNotResolved,
    NetworkUnreachable,
)

if TYPE_CHECKING:
    from clusters.remote.target import Target

# Why a channel was refused, as the protocol numbers it (RFC 4254, 5.1).
PROHIBITED, CONNECT_FAILED, UNKNOWN_KIND = 1, 2, 3
# Messages about a channel: end of data, and close (RFC 4254, 5.3).
END_OF_DATA, END = 96, 97
# What sending raises when the connection is gone.
GONE = (paramiko.SSHException, EOFError, OSError)

_FORWARDING = (
    "In its sshd_config: AllowTcpForwarding yes (or local), and a PermitOpen that includes this address;"
    " in authorized_keys neither `restrict` nor `no-port-forwarding`."
)


class JumpTransport(BoundedTransport):
    """The connection to a jump host, adapted to many channels that open and close at the same time.

    It stores the reason of each refused channel: paramiko keeps one refusal for the whole connection, without
    the server's message, and gives it to the first caller. And it sends nothing on a channel after its close: sshd
    closes the whole connection when it gets data for a closed channel, which would cut off all machines behind it.
    """

    def __init__(self, sock: Any) -> None:
        self._mine = threading.local()
        self._refusals: dict[int, tuple[int, str]] = {}
        self._turns: dict[int, threading.RLock] = {}
        super().__init__(sock)

    def refusal(self) -> tuple[int, str]:
        """Number and message of the refusal of the channel that this thread requested last; (0, "") without one."""
        return self._refusals.pop(getattr(self._mine, "channel", -1), (0, ""))

    def turn(self, channel: paramiko.Channel) -> threading.RLock:
        """The lock to hold while sending data on the channel; its close waits for it."""
        return self._turns.setdefault(int(channel.remote_chanid), threading.RLock())

    def _next_channel(self) -> int:
        self._mine.channel = number = int(super()._next_channel())  # type: ignore[misc]
        return number

    def _parse_channel_open_failure(self, message: paramiko.Message) -> None:
        copy = paramiko.Message(message.asbytes())
        number, reason = copy.get_int(), copy.get_int()
        self._refusals[number] = (reason, copy.get_binary().decode("utf-8", "replace"))
        super()._parse_channel_open_failure(message)  # type: ignore[misc]

    def _send_user_message(self, message: paramiko.Message) -> None:
        copy = paramiko.Message(message.asbytes())
        kind = copy.get_byte()[0]
        if kind not in (END_OF_DATA, END):
            super()._send_user_message(message)  # type: ignore[misc]
        elif threading.current_thread() is not self:
            self._end(message, copy.get_int())
        elif kind == END:
            # The reading thread must not wait for a sending one, which may wait for what is read.
            # (The end-of-data message is left out, since the close implies it.)
            threading.Thread(target=self._end, args=(message, copy.get_int()), name="ssh-end", daemon=True).start()

    def _end(self, message: paramiko.Message, number: int) -> None:
        with suppress(*GONE), self._turns.get(number) or threading.RLock():
            if message.asbytes()[0] == END:
                self._turns.pop(number, None)
            super()._send_user_message(message)  # type: ignore[misc]


class Tunnel:
    """A channel through a jump host, used like a socket; `heard_at` is when data last arrived (monotonic seconds)."""

    def __init__(self, channel: paramiko.Channel, turn: threading.RLock) -> None:
        self._channel = channel
        self._turn = turn
        self.heard_at = time.monotonic()

    @property
    def _closed(self) -> bool:
        """The attribute that paramiko reads from a socket before it waits for it."""
        return bool(self._channel.closed)

    def recv(self, size: int) -> bytes:
        """Read, and note the time."""
        data: bytes = self._channel.recv(size)
        self.heard_at = time.monotonic()
        return data

    def send(self, data: bytes) -> int:
        """Send some of the data; returns how many bytes."""
        with self._turn:
            return int(self._channel.send(data))

    def settimeout(self, seconds: float | None) -> None:
        """How long `recv` and `send` wait."""
        self._channel.settimeout(seconds)

    def getpeername(self) -> Any:
        """The jump host's address; the one behind it is not visible from here."""
        return self._channel.getpeername()

    def close(self) -> None:
        """Close the channel; may be called twice, and after the jump host's connection has gone."""
        with suppress(*GONE), self._turn:
            self._channel.close()


def open_tunnel(transport: JumpTransport, target: Target) -> Tunnel:
    """A tunnel to a target through the jump host in front of it.

    Raises JumpRefused, ConnectionRefused, ConnectTimedOut, NameNotResolved or NetworkUnreachable; when the
    connection to the jump host broke, what paramiko raises.
    """
    try:
        channel = transport.open_channel(
            "direct-tcpip", (target.address, target.port), ("127.0.0.1", 0), timeout=target.timeout
        )
    except paramiko.SSHException as error:
        if not transport.is_active():
            raise
        reason, message = transport.refusal()
        if not reason and "timeout" not in str(error).lower():
            raise
        raise _explain(target, reason, message) from error
    return Tunnel(channel, transport.turn(channel))


def _explain(target: Target, reason: int, message: str) -> Exception:
    via = target.via
    jump = via.subject if via is not None else "The jump host"
    place = f"{target.address}:{target.port}"
    if reason in (PROHIBITED, UNKNOWN_KIND):
        return JumpRefused(
            f"{jump} accepts the login{f' of {via.user}' if via is not None else ''} but does not forward to {place}:"
            f" forwarding is disabled there, or not allowed to this address ({message or 'prohibited'}).",
            hint=_FORWARDING,
        )
    if reason and reason != CONNECT_FAILED:
        why = message or "it has no channel left"
        return JumpRefused(f"{jump} cannot open a tunnel to {place} now: {why}.", retryable=True)
    words = message.lower()
    if not reason or "timed out" in words or "timeout" in words:
        return ConnectTimedOut(
            f"{jump} did not get an answer from {place}"
            + (f": {message}." if message else f" within {target.timeout:g} s."),
            hint="Is the machine on, is the address right as seen from the jump host, does a firewall drop packets?",
        )
    if "refused" in words:
        return ConnectionRefused(
            f"{jump} cannot reach {place}: {message}. The machine answers, but nothing listens on port {target.port}.",
            hint="Check the port, and that sshd runs (`systemctl status ssh sshd`).",
        )
    if "not known" in words or "name resolution" in words or "no address" in words:
        return NameNotResolved(
            f"{jump} cannot resolve the name {target.address}: {message}.",
            hint="Names are resolved on the jump host. Correct the address, or use the IP address.",
            retryable="temporary" in words,
        )
    return NetworkUnreachable(
        f"{jump} cannot reach {place}: {message or 'it gives no reason'}.",
        hint="Check the address, and the route from the jump host to it.",
    )
