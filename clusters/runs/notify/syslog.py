"""RFC 5424 messages to a syslog server: over UDP, or over TCP and TLS with the length prefix of RFC 6587."""

from __future__ import annotations

import json
import socket
import ssl
from typing import TYPE_CHECKING, Any

from clusters.addresses import read_address

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

# Seconds that a server has to accept a connection, or data.
TIMEOUT_SECONDS = 15
PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
# Facility 13 is "log audit" (RFC 5424, table 1); severity 5 is "notice", 4 "warning".
FACILITY, NOTICE, WARNING = 13, 5, 4
# Bytes of one message: RFC 5424 recommends that receivers accept 2,048, and a datagram holds at most 65,507.
MOST_BYTES = 8_192


def place_of(address: str) -> tuple[str, str, int]:
    """Scheme, host and port of `udp://host:port`, `tcp://…` or `tls://…`. Raises ValueError for anything else."""
    parts = read_address(address)
    if parts is None or parts.scheme not in PORTS or not parts.host or parts.path not in ("", "/") or parts.user:
        raise ValueError("SLIPWAY_AUDIT_SYSLOG must be udp://host:port, tcp://host:port or tls://host:port.")
    return parts.scheme, parts.host, parts.port or PORTS[parts.scheme]


def send(address: str, entries: Sequence[tuple[dt.datetime, dict[str, Any]]]) -> None:
    """Send these entries of the audit with their times. Raises OSError or ValueError."""
    scheme, host, port = place_of(address)
    messages = [message(at, entry) for at, entry in entries]
    if scheme == "udp":
        _send_datagrams(host, port, messages)
        return
    with socket.create_connection((host, port), timeout=TIMEOUT_SECONDS) as plain:
        framed = b"".join(b"%d %s" % (len(each), each) for each in messages)
        if scheme == "tcp":
            _send_stream(plain, framed)
            return
        with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure:
            _send_stream(secure, framed)


def message(at: dt.datetime, entry: dict[str, Any]) -> bytes:
    """One entry as JSON in ASCII, so that no name in it can end the line or start another message."""
    severity = NOTICE if entry["outcome"] == "done" else WARNING
    head = f"<{FACILITY * 8 + severity}>1 {at.isoformat(timespec='microseconds')} {_host_name()} slipway - audit - "
    text = head + json.dumps(entry)
    if len(text) > MOST_BYTES:
        text = head + json.dumps({**entry, "details": {"left_out_bytes": len(json.dumps(entry["details"]))}})
    return text.encode("ascii")


def _send_datagrams(host: str, port: int, messages: list[bytes]) -> None:
    family, kind, protocol, _name, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as out:
        out.settimeout(TIMEOUT_SECONDS)
        out.connect(place)
        for each in messages:
            out.send(each)


def _send_stream(out: socket.socket, framed: bytes) -> None:
    """Syslog over TCP has no replies: closing our half and waiting for the server's reveals a reset."""
    out.sendall(framed)
    if isinstance(out, ssl.SSLSocket):
        return
    out.shutdown(socket.SHUT_WR)
    out.settimeout(1.0)
    try:
        out.recv(1)
    except TimeoutError:
        return  # many servers keep their half open; their operating system has acknowledged the data


def _host_name() -> str:
    name = "".join(each for each in socket.gethostname() if each.isascii() and each.isprintable() and each != " ")
    return name[:255] or "-"
