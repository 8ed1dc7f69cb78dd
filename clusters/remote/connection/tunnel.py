"""A way through a jump host: a channel of its SSH connection in a socket's place, with its failures told apart."""

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
# Messages about a channel: no more data comes, and it is no more (RFC 4254, 5.3).
END_OF_DATA, END = 96, 97
# What sending raises when the connection is gone.
GONE = (paramiko.SSHException, EOFError, OSError)

_FORWARDING = (
    "In its sshd_config: AllowTcpForwarding yes (or local), a PermitOpen that has this address;"
    " in authorized_keys no `restrict` and no `no-port-forwarding`."
)


class JumpTransport(BoundedTransport):
    """The connection to a jump host, made fit for many channels that are opened and closed at the same time.

    Of each channel that was refused it remembers why: paramiko keeps one refusal for the whole connection, without
    the server's words, and gives it to whoever asks first. And nothing is sent on a channel once its end was: sshd
    hangs up when it gets data for a channel that is no more, and with it all machines behind it would be cut off.
    """

    def __init__(self, sock: Any) -> None:
        self._mine = threading.local()
        self._refusals: dict[int, tuple[int, str]] = {}
        self._turns: dict[int, threading.RLock] = {}
        super().__init__(sock)

    def refusal(self) -> tuple[int, str]:
        """Number and words of the refusal of the channel that this thread asked for last; (0, "") without one."""
        return self._refusals.pop(getattr(self._mine, "channel", -1), (0, ""))

    def turn(self, channel: paramiko.Channel) -> threading.RLock:
        """What is held while data is sent on the channel; its end waits for it."""
        return self._turns.setdefault(int(channel.remote_chanid), threading.RLock())

    def _next_channel(self) -> int:
        self._mine.channel = number = int(super()._next_channel())  # type: ignore[misc]
        return number

    def _parse_channel_open_failure(self, message: paramiko.Message) -> None:
        told = paramiko.Message(message.asbytes())
        number, reason = told.get_int(), told.get_int()
        self._refusals[number] = (reason, told.get_binary().decode("utf-8", "replace"))
        super()._parse_channel_open_failure(message)  # type: ignore[misc]

    def _send_user_message(self, message: paramiko.Message) -> None:
        told = paramiko.Message(message.asbytes())
        kind = told.get_byte()[0]
        if kind not in (END_OF_DATA, END):
            super()._send_user_message(message)  # type: ignore[misc]
        elif threading.current_thread() is not self:
            self._end(message, told.get_int())
        elif kind == END:
            # The thread that reads must not wait for one that sends: that one may wait for what is read.
            # (What announces the end is left out, since the end says it, too.)
            threading.Thread(target=self._end, args=(message, told.get_int()), name="ssh-end", daemon=True).start()

    def _end(self, message: paramiko.Message, number: int) -> None:
        with suppress(*GONE), self._turns.get(number) or threading.RLock():
            if message.asbytes()[0] == END:
                self._turns.pop(number, None)
            super()._send_user_message(message)  # type: ignore[misc]


class Tunnel:
    """A channel through a jump host, used like a socket; it remembers when something was heard (monotonic seconds)."""

    def __init__(self, channel: paramiko.Channel, turn: threading.RLock) -> None:
        self._channel = channel
        self._turn = turn
        self.heard_at = time.monotonic()

    @property
    def _closed(self) -> bool:
        """What paramiko asks a socket before it waits for one."""
        return bool(self._channel.closed)

    def recv(self, size: int) -> bytes:
        """Read, and note the time."""
        data: bytes = self._channel.recv(size)
        self.heard_at = time.monotonic()
        return data

    def send(self, data: bytes) -> int:
        """Send some of it; gives how much."""
        with self._turn:
            return int(self._channel.send(data))

    def settimeout(self, seconds: float | None) -> None:
        """How long `recv` and `send` wait."""
        self._channel.settimeout(seconds)

    def getpeername(self) -> Any:
        """The jump host's address: further we do not see."""
        return self._channel.getpeername()

    def close(self) -> None:
        """Close the channel; may be called twice, and when the jump host's connection is gone already."""
        with suppress(*GONE), self._turn:
            self._channel.close()


def open_tunnel(transport: JumpTransport, target: Target) -> Tunnel:
    """A way to a target through the jump host before it.

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
        reason, said = transport.refusal()
        if not reason and "timeout" not in str(error).lower():
            raise
        raise _in_words(target, reason, said) from error
    return Tunnel(channel, transport.turn(channel))


def _in_words(target: Target, reason: int, said: str) -> Exception:
    via = target.via
    jump = via.subject if via is not None else "The jump host"
    place = f"{target.address}:{target.port}"
    if reason in (PROHIBITED, UNKNOWN_KIND):
        return JumpRefused(
            f"{jump} lets {via.user if via is not None else 'us'} in, but not through to {place}:"
            f" forwarding is switched off there, or not allowed to this address ({said or 'prohibited'}).",
            hint=_FORWARDING,
        )
    if reason and reason != CONNECT_FAILED:
        return JumpRefused(f"{jump} opens no way to {place} now: {said or 'it has no room'}.", retryable=True)
    words = said.lower()
    if not reason or "timed out" in words or "timeout" in words:
        return ConnectTimedOut(
            f"{jump} did not get an answer from {place}" + (f": {said}." if said else f" within {target.timeout:g} s."),
            hint="Is the machine on, the address right as seen from the jump host, and does no firewall drop packets?",
        )
    if "refused" in words:
        return ConnectionRefused(
            f"{jump} cannot reach {place}: {said}. The machine is there, but nothing listens on port {target.port}.",
            hint="Check the port, and that sshd runs (`systemctl status ssh sshd`).",
        )
    if "not known" in words or "name resolution" in words or "no address" in words:
        return NameNotResolved(
            f"{jump} does not know the name {target.address}: {said}.",
            hint="Names are looked up on the jump host. Correct the address, or use the IP address.",
            retryable="temporary" in words,
        )
    return NetworkUnreachable(
        f"{jump} cannot reach {place}: {said or 'it does not say why'}.",
        hint="Check the address, and the route from the jump host to it.",
    )
