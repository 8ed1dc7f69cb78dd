"""Link: one authenticated SSH connection through Fabric, opened only to a machine whose key is known."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import paramiko
from fabric import Config, Connection
from paramiko.ssh_exception import IncompatiblePeer

from clusters.errors import RemoteError
from clusters.remote.auth.algorithms import check_host_key
from clusters.remote.auth.host_keys import HostKeyChanged, PinnedKey, check_key, pinned_key
from clusters.remote.auth.login import TargetCredentials
from clusters.remote.connection.bounded import BoundedTransport
from clusters.remote.connection.gateways import SHARED
from clusters.remote.connection.tunnel import JumpTransport, Tunnel, open_tunnel
from clusters.remote.connection.wire import ASK_AFTER, GIVE_UP_AFTER, Watch, Wire, open_wire
from clusters.remote.errors import ConnectionLost, ConnectTimedOut, HandshakeFailed, JumpRefused
from clusters.remote.session.root_shells import StandingShells

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.remote.auth.host_keys import KnownKeys
    from clusters.remote.connection.gateways import Gateways, Lease
    from clusters.remote.target import Target

# sshd allows 10 sessions on a connection (MaxSessions); two are reserved for ending commands of the others.
# Tunnels through a jump host are not sessions, so any number of machines can be behind one connection.
SESSIONS = 8

# Checks, a hundredth of a second apart, that show whether a connection is about to be dead.
CHECKS_SOON = 50

FIRST_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")

# paramiko also logs its errors; Slipway reports them once, as exceptions.
_PARAMIKO_LOG = "clusters.remote.paramiko"
logging.getLogger(_PARAMIKO_LOG).addHandler(logging.NullHandler())
logging.getLogger(_PARAMIKO_LOG).propagate = False


class _PinnedOnly(paramiko.MissingHostKeyPolicy):
    """Called by paramiko after the key exchange, before anything about the user is sent."""

    def __init__(self, target: Target, known: KnownKeys, on_stage: Callable[[str], None]) -> None:
        self._target = target
        self._known = known
        self._on_stage = on_stage

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        self._on_stage("reach")
        target = self._target
        check_host_key(key, target.place)
        check_key(self._known, target.address, target.port, pinned_key(key), target.where)
        self._on_stage("hostkey")


class Link:
    """An open connection with its sessions and its watch; `through` is the lease of its jump host's, if it has one."""

    def __init__(self, connection: Connection, watch: Watch, through: Lease | None = None) -> None:
        self.connection = connection
        self.slots = threading.BoundedSemaphore(SESSIONS)
        self.through = through
        self.host_key = pinned_key(connection.transport.get_remote_server_key())
        self.shells = StandingShells()
        self._watch = watch

    @property
    def alive(self) -> bool:
        """Whether the connection is up as far as we know."""
        return bool(self.connection.is_connected)

    @property
    def silent(self) -> bool:
        """Whether it was cut, or has been silent so long that Slipway asked it for a sign of life."""
        return self._watch.gave_up or self._watch.silence > self._watch.ask_after

    def dead_soon(self) -> bool:
        """Whether the connection turns out to be dead: a session ends a moment before its connection.

        It counts checks instead of seconds, so that a pause of this process does not use up the time.
        """
        for _ in range(CHECKS_SOON):
            if not self.alive:
                return True
            time.sleep(0.01)
        return not self.alive

    def lost(self, name: str, doing: str = "") -> ConnectionLost:
        """The error for this lost connection; it names the jump host where it broke."""
        broken, hint = "it", "The machine may have rebooted, or the network failed. Trying again reconnects."
        end = self
        while end.through is not None and (end.through.link.silent or end.through.link.dead_soon()):
            broken = end.through.hop.name
            hint = "This cuts off every machine behind that jump host. Trying again reconnects."
            end = end.through.link
        why = "stopped answering" if end._watch.gave_up or end.alive else "was closed from the other side"
        if violation := end.violation:
            why, hint = f"was closed by Slipway: {violation}", "No SSH server does that. Check what answers there."
        if end is not self and why.startswith("was"):
            broken = f"the one to {broken}"
        return ConnectionLost(f"The connection to {name} is lost{doing}: {broken} {why}.", hint=hint)

    @property
    def violation(self) -> str:
        """How the other side broke a limit, so that we closed the connection; "" if it did not."""
        return str(getattr(self.connection.transport, "violation", ""))

    def close(self) -> None:
        """Close the connection and stop watching it; release the jump host's."""
        self._watch.stop()
        self.connection.close()
        if self.through is not None:
            self.through.release()


def open_link(
    target: Target,
    known: KnownKeys,
    *,
    ask_after: float = ASK_AFTER,
    give_up_after: float = GIVE_UP_AFTER,
    on_stage: Callable[[str], None] = lambda stage: None,
    gateways: Gateways = SHARED,
) -> Link:
    """Connect, compare the host key, log in; `on_stage` is called with `jump`, `reach` and `hostkey` when passed.

    Raises NameNotResolved, ConnectionRefused, ConnectTimedOut, NetworkUnreachable, HandshakeFailed,
    HostKeyUnknown, HostKeyChanged, LoginRefused, AgentUnavailable, JumpRefused, or an error about the private key;
    the same for a jump host on the route, with its name.
    """
    return _Opening(target, known, (ask_after, give_up_after), on_stage, gateways).link()


def _read_host_key(target: Target, wire: Wire | Tunnel) -> PinnedKey:
    transport = _transport(target, wire, None)
    try:
        transport.start_client(timeout=target.timeout)
        return pinned_key(transport.get_remote_server_key())
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise _why_no_handshake(target, error) from error
    finally:
        transport.close()


@dataclass(frozen=True, slots=True)
class _Opening:
    """A connection that is being opened."""

    target: Target
    known: KnownKeys
    limits: tuple[float, float]
    on_stage: Callable[[str], None]
    gateways: Gateways

    def link(self) -> Link:
        """Open it."""
        target = self.target
        pinned = self.known.lookup(target.address, target.port)
        wire, through = self._wire()
        connection = self._connection(wire, pinned)
        try:
            connection.open()
        except IncompatiblePeer as error:
            connection.client.close()
            raise self._why_incompatible(pinned, error) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise _why_no_handshake(target, error) from error
        finally:
            if not connection.is_connected:
                connection.client.close()
                _give_back(wire, through)
        return Link(connection, Watch(wire, connection.transport, *self.limits), through)

    def _wire(self) -> tuple[Wire | Tunnel, Lease | None]:
        """The transport for SSH: a socket, or a tunnel through the jump host."""
        if self.target.via is None:
            return open_wire(self.target), None
        try:
            return self._through(self.target.via)
        except (paramiko.SSHException, EOFError, OSError):
            # The shared connection had broken, which nobody had noticed yet, so a new one is opened, once.
            pass
        try:
            return self._through(self.target.via)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise ConnectionLost(
                f"{self.target.via.subject} closes the connection when Slipway requests a tunnel to"
                f" {self.target.address}:{self.target.port}.",
                hint="The log of its sshd shows why.",
            ) from error

    def _through(self, hop: Target) -> tuple[Tunnel, Lease]:
        lease = self.gateways.lease(hop, self.known, lambda: self._hop(hop).link())
        try:
            tunnel = open_tunnel(lease.link.connection.transport, self.target)
        except BaseException as error:
            silent = lease.link.silent
            if not isinstance(error, RemoteError):
                lease.link.close()  # it is broken, although the reading thread may not have noticed yet
            lease.release()
            if isinstance(error, ConnectTimedOut) and silent:
                raise ConnectionLost(f"{hop.subject} stopped answering.", hint="Trying again reconnects.") from error
            if isinstance(error, RemoteError) and not isinstance(error, JumpRefused):
                self.on_stage("jump")
            raise
        self.on_stage("jump")
        return tunnel, lease

    def _hop(self, hop: Target) -> _Opening:
        return _Opening(hop, self.known, self.limits, lambda stage: None, self.gateways)

    def _connection(self, wire: Wire | Tunnel, pinned: PinnedKey | None) -> Connection:
        target = self.target

        def transport_factory(sock: Any, **_: Any) -> paramiko.Transport:
            return _transport(target, sock, pinned)

        connection = Connection(
            target.address,
            user=target.user,
            port=target.port,
            # This server's own ssh and fabric configuration must not be used.
            config=Config(lazy=True, ssh_config=paramiko.SSHConfig()),
            connect_kwargs={
                "sock": wire,
                "timeout": target.timeout,
                "banner_timeout": target.timeout,
                "auth_timeout": target.timeout,
                "channel_timeout": target.timeout,
                "transport_factory": transport_factory,
                "auth_strategy": TargetCredentials(target),
                "allow_agent": False,
                "look_for_keys": False,
            },
        )
        connection.client.set_log_channel(_PARAMIKO_LOG)
        connection.client.set_missing_host_key_policy(_PinnedOnly(target, self.known, self.on_stage))
        return connection

    def _offered(self) -> PinnedKey:
        wire, through = self._wire()
        try:
            return _read_host_key(self.target, wire)
        finally:
            _give_back(wire, through)

    def _why_incompatible(self, pinned: PinnedKey | None, error: Exception) -> Exception:
        """The machine has no key of the pinned type, the only one requested: then its host key has changed."""
        target = self.target
        if pinned is not None:
            offered = self._offered()
            if offered.key_type != pinned.key_type:
                place = {"address": target.address, "port": target.port, "called": target.where}
                return HostKeyChanged(**place, pinned=pinned, offered=offered)  # type: ignore[arg-type]
        return _why_no_handshake(target, error)


def _give_back(wire: Wire | Tunnel, through: Lease | None) -> None:
    wire.close()
    if through is not None:
        through.release()


def _transport(target: Target, sock: Any, pinned: PinnedKey | None) -> paramiko.Transport:
    transport = JumpTransport(sock) if target.is_jump else BoundedTransport(sock)
    transport.set_log_channel(_PARAMIKO_LOG)
    options = transport.get_security_options()
    # Encrypts and authenticates in one pass: sending a file then takes both sides a third less processor time.
    options.ciphers = (*FIRST_CIPHERS, *(each for each in options.ciphers if each not in FIRST_CIPHERS))
    if pinned is not None:
        options.key_types = pinned.algorithms
    return transport


def _why_no_handshake(target: Target, error: Exception) -> Exception:
    if isinstance(error, IncompatiblePeer):
        return HandshakeFailed(
            f"{target.place} and Slipway share no algorithm that is safe: {error}.",
            hint="Update the SSH server there, or enable newer algorithms: OpenSSH's defaults since 2014 suffice.",
            retryable=False,
        )
    if isinstance(error, TimeoutError) or "timeout" in str(error).lower():
        return ConnectTimedOut(
            f"{target.place} accepted the connection but did not finish the SSH handshake within {target.timeout:g} s.",
            hint="Is there an SSH server on that port? A machine out of memory also behaves like this.",
        )
    # The greeting of a service other than SSH is shown to nobody: it may be an internal page or a database's greeting.
    foreign = str(error).startswith("Indecipherable protocol version")
    why = "its greeting is not that of SSH" if foreign else str(error) or "it disconnected"
    return HandshakeFailed(
        f"{target.place} accepted the connection but did not complete an SSH handshake: {why}.",
        hint="Check the port. A busy sshd (MaxStartups) or fail2ban also closes it at once; then wait a little.",
    )
