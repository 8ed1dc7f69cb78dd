"""Link: one authenticated SSH connection by Fabric, opened only to a machine whose key is known."""

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
from clusters.remote.auth.login import OnlyWhatIsGiven
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

# sshd allows 10 sessions on a connection (MaxSessions); two are left for ending what others run.
# Ways through a jump host are no sessions, so any number of machines can be behind one connection.
SESSIONS = 8

# How many checks, a hundredth of a second apart, show whether a connection is about to be dead.
LOOKS_SOON = 50

FIRST_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")

# paramiko tells its troubles in its log too; we tell them once, as errors.
_PARAMIKO_LOG = "clusters.remote.paramiko"
logging.getLogger(_PARAMIKO_LOG).addHandler(logging.NullHandler())
logging.getLogger(_PARAMIKO_LOG).propagate = False


class _PinnedOnly(paramiko.MissingHostKeyPolicy):
    """Called by paramiko after the key exchange, before anything about the user is sent."""

    def __init__(self, target: Target, known: KnownKeys, passed: Callable[[str], None]) -> None:
        self._target = target
        self._known = known
        self._passed = passed

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        self._passed("reach")
        target = self._target
        check_host_key(key, target.place)
        check_key(self._known, target.address, target.port, pinned_key(key), target.where)
        self._passed("hostkey")


class Link:
    """An open connection with its sessions and its watch; `through` is the jump host's, if there is one."""

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
        """Whether it was cut, or has been silent for so long that it had to be asked for a sign of life."""
        return self._watch.gave_up or self._watch.silence > self._watch.ask_after

    def dead_soon(self) -> bool:
        """Whether the connection turns out to be dead: a session ends a moment before the connection does.

        It counts checks instead of seconds, so that a pause of this process does not use up the time.
        """
        for _ in range(LOOKS_SOON):
            if not self.alive:
                return True
            time.sleep(0.01)
        return not self.alive

    def lost(self, name: str, doing: str = "") -> ConnectionLost:
        """The error that says this connection is no more, and at which of the jump hosts it broke."""
        broken, hint = "it", "The machine may have rebooted, or the network between broke. Trying again reconnects."
        end = self
        while end.through is not None and (end.through.link.silent or end.through.link.dead_soon()):
            broken = end.through.hop.name
            hint = "Every machine behind that jump host is cut off by it. Trying again reconnects."
            end = end.through.link
        why = "stopped answering" if end._watch.gave_up or end.alive else "was closed from the other side"
        if offence := end.offence:
            why, hint = f"was closed by Slipway: {offence}", "No SSH server does that. Look at what answers there."
        if end is not self and why.startswith("was"):
            broken = f"the one to {broken}"
        return ConnectionLost(f"The connection to {name} is lost{doing}: {broken} {why}.", hint=hint)

    @property
    def offence(self) -> str:
        """What the other side did that made us end the connection; "" when it did nothing of the kind."""
        return str(getattr(self.connection.transport, "offence", ""))

    def close(self) -> None:
        """Close the connection and stop watching it; a jump host's is given back."""
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
    passed: Callable[[str], None] = lambda stage: None,
    gateways: Gateways = SHARED,
) -> Link:
    """Connect, compare the host key, log in; `passed` is told `jump`, `reach` and `hostkey` when that is done.

    Raises NameNotResolved, ConnectionRefused, ConnectTimedOut, NetworkUnreachable, HandshakeFailed,
    HostKeyUnknown, HostKeyChanged, LoginRefused, AgentUnavailable, JumpRefused, or what is wrong with the private key;
    of a jump host on the way the same, naming it.
    """
    return _Opening(target, known, (ask_after, give_up_after), passed, gateways).link()


def _shown_key(target: Target, wire: Wire | Tunnel) -> PinnedKey:
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
    patience: tuple[float, float]
    passed: Callable[[str], None]
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
        return Link(connection, Watch(wire, connection.transport, *self.patience), through)

    def _wire(self) -> tuple[Wire | Tunnel, Lease | None]:
        """What SSH is spoken over: a socket, or a way through the jump host."""
        if self.target.via is None:
            return open_wire(self.target), None
        try:
            return self._through(self.target.via)
        except (paramiko.SSHException, EOFError, OSError):
            # The shared connection had broken and nobody knew it yet, so a new one is opened, once.
            pass
        try:
            return self._through(self.target.via)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise ConnectionLost(
                f"{self.target.via.subject} hangs up when it is asked for {self.target.address}:{self.target.port}.",
                hint="Its sshd's log says why.",
            ) from error

    def _through(self, hop: Target) -> tuple[Tunnel, Lease]:
        lease = self.gateways.lease(hop, self.known, lambda: self._hop(hop).link())
        try:
            tunnel = open_tunnel(lease.link.connection.transport, self.target)
        except BaseException as error:
            silent = lease.link.silent
            if not isinstance(error, RemoteError):
                lease.link.close()  # it is broken, though the thread that reads may not have noticed yet
            lease.release()
            if isinstance(error, ConnectTimedOut) and silent:
                raise ConnectionLost(f"{hop.subject} stopped answering.", hint="Trying again reconnects.") from error
            if isinstance(error, RemoteError) and not isinstance(error, JumpRefused):
                self.passed("jump")
            raise
        self.passed("jump")
        return tunnel, lease

    def _hop(self, hop: Target) -> _Opening:
        return _Opening(hop, self.known, self.patience, lambda stage: None, self.gateways)

    def _connection(self, wire: Wire | Tunnel, pinned: PinnedKey | None) -> Connection:
        target = self.target

        def transport_factory(sock: Any, **_: Any) -> paramiko.Transport:
            return _transport(target, sock, pinned)

        connection = Connection(
            target.address,
            user=target.user,
            port=target.port,
            # Nothing from this server's own ssh or fabric configuration takes part.
            config=Config(lazy=True, ssh_config=paramiko.SSHConfig()),
            connect_kwargs={
                "sock": wire,
                "timeout": target.timeout,
                "banner_timeout": target.timeout,
                "auth_timeout": target.timeout,
                "channel_timeout": target.timeout,
                "transport_factory": transport_factory,
                "auth_strategy": OnlyWhatIsGiven(target),
                "allow_agent": False,
                "look_for_keys": False,
            },
        )
        connection.client.set_log_channel(_PARAMIKO_LOG)
        connection.client.set_missing_host_key_policy(_PinnedOnly(target, self.known, self.passed))
        return connection

    def _offered(self) -> PinnedKey:
        wire, through = self._wire()
        try:
            return _shown_key(self.target, wire)
        finally:
            _give_back(wire, through)

    def _why_incompatible(self, pinned: PinnedKey | None, error: Exception) -> Exception:
        """Asked for the pinned type only, the machine has none: then it is another key that it shows."""
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
    # Encrypts and authenticates in one go: with it, sending a file takes both sides a third less processor time.
    options.ciphers = (*FIRST_CIPHERS, *(each for each in options.ciphers if each not in FIRST_CIPHERS))
    if pinned is not None:
        options.key_types = pinned.algorithms
    return transport


def _why_no_handshake(target: Target, error: Exception) -> Exception:
    if isinstance(error, IncompatiblePeer):
        return HandshakeFailed(
            f"{target.place} and Slipway share no algorithm that is safe: {error}.",
            hint="Update the SSH server there, or allow it newer ones: OpenSSH's own defaults since 2014 will do.",
            retryable=False,
        )
    if isinstance(error, TimeoutError) or "timeout" in str(error).lower():
        return ConnectTimedOut(
            f"{target.place} took the connection but did not finish the SSH handshake within {target.timeout:g} s.",
            hint="Is an SSH server on that port? A machine out of memory also behaves like this.",
        )
    # What another service than SSH sends is shown to nobody: it may be an inner page or a database's greeting.
    foreign = str(error).startswith("Indecipherable protocol version")
    why = "its greeting is not that of SSH" if foreign else str(error) or "it hung up"
    return HandshakeFailed(
        f"{target.place} took the connection but is no SSH server we can talk to: {why}.",
        hint="Check the port. A busy sshd (MaxStartups) or fail2ban also hangs up at once; then wait a little.",
    )
