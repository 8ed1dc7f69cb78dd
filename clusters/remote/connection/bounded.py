"""SSH transport with limits that paramiko lacks: on what a machine sends unrequested, or beyond what we allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.packet import Packetizer
from paramiko.ssh_exception import IncompatiblePeer

from clusters.remote.auth.algorithms import DISABLED, offer_in_words

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_PACKET = 256 * 1024
"""Bytes of one packet, as in OpenSSH; a packet's length field allows up to four gigabytes."""

LARGEST_GREETING = 64 * 1024
"""Bytes up to and including the line with the SSH version; only a line feed ends that line."""

BEYOND_WINDOW = 256 * 1024
"""Bytes that may wait in one channel beyond its window; a correct server never sends any."""

# Channel messages that carry data (RFC 4254, 5.2).
_DATA, _EXTENDED_DATA = 94, 95


class OutOfBounds(paramiko.SSHException):
    """A machine sends more than allowed; the connection is closed."""


class BoundedPacketizer(Packetizer):
    """Cuts the stream into packets and refuses those that are larger than SSH needs."""

    _greeting = 0

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        """Read so many bytes."""
        if n > LARGEST_PACKET:
            raise OutOfBounds(f"it announces a packet of {n:,} bytes; at most {LARGEST_PACKET:,} are allowed")
        data: bytes = super().read_all(n, check_rekey)
        return data

    def _read_timeout(self, timeout: float) -> bytes:
        """Read a piece of the greeting; this method reads nothing else."""
        data: bytes = super()._read_timeout(timeout)  # type: ignore[misc]
        self._greeting += len(data)
        if self._greeting > LARGEST_GREETING:
            raise OutOfBounds(f" (it greets with more than {LARGEST_GREETING:,} bytes)")
        return data


def _within_window(feed: Callable[[paramiko.Channel, Any], None]) -> Callable[[paramiko.Channel, Any], None]:
    """Feed data to a channel, and end the connection when more waits there than its window allows."""

    def act(channel: paramiko.Channel, message: Any) -> None:
        feed(channel, message)
        waiting = len(channel.in_buffer) + len(channel.in_stderr_buffer)
        if waiting > channel.in_window_size + BEYOND_WINDOW:
            raise OutOfBounds(f"{waiting:,} bytes wait in a channel with a window of {channel.in_window_size:,}")

    return act


class BoundedTransport(paramiko.Transport):
    """A connection whose other side cannot fill our memory. `violation` describes an attempt."""

    _channel_handler_table = {
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]
        _DATA: _within_window(paramiko.Channel._feed),  # type: ignore[attr-defined]
        _EXTENDED_DATA: _within_window(paramiko.Channel._feed_extended),  # type: ignore[attr-defined]
    }

    def __init__(self, sock: Any) -> None:
        super().__init__(sock, packetizer_class=BoundedPacketizer, disabled_algorithms=DISABLED)

    def _parse_kex_init(self, m: Any) -> None:
        """Agree on algorithms; where that fails, the error names what the machine offers instead."""
        theirs = self._really_parse_kex_init(m)  # type: ignore[attr-defined]
        m.rewind()
        try:
            super()._parse_kex_init(m)  # type: ignore[misc]
        except IncompatiblePeer as error:
            kinds = (
                ("key exchange", theirs["kex_algo_list"], self.preferred_kex),
                ("host key", theirs["server_key_algo_list"], self.preferred_keys),
                ("cipher", theirs["client_encrypt_algo_list"], self.preferred_ciphers),
                ("cipher", theirs["server_encrypt_algo_list"], self.preferred_ciphers),
                ("MAC", theirs["client_mac_algo_list"], self.preferred_macs),
                ("MAC", theirs["server_mac_algo_list"], self.preferred_macs),
            )
            raise IncompatiblePeer(offer_in_words(kinds) or str(error)) from error

    @property
    def violation(self) -> str:
        """What ended the connection, if the other side sent more than allowed."""
        error = self.saved_exception
        return str(error) if isinstance(error, OutOfBounds) else ""
