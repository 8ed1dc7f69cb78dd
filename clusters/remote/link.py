"""Link: one authenticated SSH connection by Fabric, opened only to a machine whose key is known."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import paramiko
from fabric import Config, Connection
from paramiko.auth_strategy import AuthResult, AuthStrategy
from paramiko.ssh_exception import IncompatiblePeer

from clusters.remote.errors import ConnectionLost, ConnectTimedOut, HandshakeFailed, LoginRefused
from clusters.remote.hostkeys import HostKeyChanged, PinnedKey, check_key, pinned_key
from clusters.remote.wire import ASK_AFTER, GIVE_UP_AFTER, Watch, Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paramiko.auth_strategy import AuthSource

    from clusters.remote.hostkeys import KnownKeys
    from clusters.remote.target import Target

# sshd allows 10 sessions on a connection (MaxSessions); two are left for ending what others run.
SESSIONS = 8

# paramiko tells its troubles in its log too; we tell them once, as errors.
_PARAMIKO_LOG = "clusters.remote.paramiko"
logging.getLogger(_PARAMIKO_LOG).addHandler(logging.NullHandler())
logging.getLogger(_PARAMIKO_LOG).propagate = False


class OnlyWhatIsGiven(AuthStrategy):
    """Log in with the target's key, then its password, and nothing else: no agent, no keys found around."""

    def __init__(self, target: Target) -> None:
        super().__init__(ssh_config=paramiko.SSHConfig())
        self._target = target

    def get_sources(self) -> Iterator[AuthSource]:
        """None beforehand: what is tried depends on what the machine offers."""
        return iter(())

    def authenticate(self, transport: paramiko.Transport) -> AuthResult:
        """Log in, or raise LoginRefused with the methods the machine offers."""
        user, tried = self._target.user, []
        key = self._target.key()
        allowed = self._offered(transport)
        if not allowed:
            return AuthResult(strategy=self)
        if key is not None and "publickey" in allowed:
            tried.append("publickey")
            try:
                allowed = transport.auth_publickey(user, key)
            except paramiko.AuthenticationException as error:
                _not_a_timeout(self._target, error)
            else:
                if not allowed:
                    return AuthResult(strategy=self)
        if self._target.password and {"password", "keyboard-interactive"} & set(allowed):
            tried.append("password")
            try:
                allowed = transport.auth_password(user, self._target.password.reveal())
            except paramiko.AuthenticationException as error:
                _not_a_timeout(self._target, error)
            else:
                if not allowed:
                    return AuthResult(strategy=self)
        raise _refused(self._target, tuple(allowed), tuple(tried), key is not None)

    def _offered(self, transport: paramiko.Transport) -> list[str]:
        try:
            return list(transport.auth_none(self._target.user))
        except paramiko.BadAuthenticationType as error:
            return list(error.allowed_types)


def _not_a_timeout(target: Target, error: paramiko.AuthenticationException) -> None:
    if "timeout" in str(error).lower():
        raise ConnectTimedOut(
            f"{target.name} did not answer the login within {target.timeout:g} s.",
            hint="A slow name server on the machine is the usual cause (sshd: UseDNS no).",
        ) from error


def _refused(target: Target, allowed: tuple[str, ...], tried: tuple[str, ...], has_key: bool) -> LoginRefused:
    offers = ", ".join(allowed) or "nothing"
    who = f"{target.name} refuses the login of {target.user}"
    given = [word for word, there in (("a key", has_key), ("a password", bool(target.password))) if there]
    if not tried:
        message = f"{who}: it accepts {offers}, and given is {' and '.join(given) or 'nothing'}."
        hint = "Give what the machine accepts, or allow password login in its sshd_config (PasswordAuthentication yes)."
    elif tried == ("password",):
        message = f"{who}: wrong password, or the user may not log in (it accepts {offers})."
        hint = "Check user and password; for root also `PermitRootLogin` in the machine's sshd_config."
    elif tried == ("publickey",):
        message = f"{who}: the key is not accepted (it accepts {offers})."
        hint = f"Add the public half to ~{target.user}/.ssh/authorized_keys on the machine."
    else:
        message = f"{who}: neither the key nor the password is accepted (it accepts {offers})."
        hint = "Check the user, the password, and the machine's authorized_keys."
    return LoginRefused(message, allowed=allowed, tried=tried, hint=hint)


class _PinnedOnly(paramiko.MissingHostKeyPolicy):
    """Called by paramiko after the key exchange, before anything about the user is sent."""

    def __init__(self, target: Target, known: KnownKeys, passed: Callable[[str], None]) -> None:
        self._target = target
        self._known = known
        self._passed = passed

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        self._passed("reach")
        check_key(self._known, self._target.address, self._target.port, pinned_key(key))
        self._passed("hostkey")


class Link:
    """An open connection with its sessions, its watch, and what was learnt about its shell."""

    def __init__(self, connection: Connection, watch: Watch) -> None:
        self.connection = connection
        self.slots = threading.BoundedSemaphore(SESSIONS)
        self._watch = watch

    @property
    def alive(self) -> bool:
        """Whether the connection is up as far as we know."""
        return bool(self.connection.is_connected)

    def dead_soon(self, within: float = 0.5) -> bool:
        """Whether the connection turns out to be dead: a session ends a moment before the connection does."""
        deadline = time.monotonic() + within
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.01)
        return not self.alive

    def lost(self, name: str, doing: str = "") -> ConnectionLost:
        """The error that says this connection is no more."""
        why = "it stopped answering" if self._watch.gave_up else "it was closed from the other side"
        return ConnectionLost(
            f"The connection to {name} is lost{doing}: {why}.",
            hint="The machine may have rebooted, or the network between broke. Trying again reconnects.",
        )

    def close(self) -> None:
        """Close the connection and stop watching it."""
        self._watch.stop()
        self.connection.close()


def open_link(
    target: Target,
    known: KnownKeys,
    *,
    ask_after: float = ASK_AFTER,
    give_up_after: float = GIVE_UP_AFTER,
    passed: Callable[[str], None] = lambda stage: None,
) -> Link:
    """Connect, compare the host key, log in; `passed` is told `reach` and `hostkey` when that is done.

    Raises NameNotResolved, ConnectionRefused, ConnectTimedOut, NetworkUnreachable, HandshakeFailed,
    HostKeyUnknown, HostKeyChanged, LoginRefused, or what is wrong with the private key.
    """
    pinned = known.lookup(target.address, target.port)
    wire = open_wire(target)
    connection = _connection(target, known, wire, pinned, passed)
    try:
        connection.open()
    except IncompatiblePeer as error:
        connection.client.close()
        raise _why_incompatible(target, pinned, error) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise _why_no_handshake(target, error) from error
    finally:
        if not connection.is_connected:
            connection.client.close()
            wire.close()
    return Link(connection, Watch(wire, connection.transport, ask_after, give_up_after))


def offered_key(target: Target) -> PinnedKey:
    """The key a machine shows, by a key exchange without any login."""
    wire = open_wire(target)
    transport = _transport(wire, None)
    try:
        transport.start_client(timeout=target.timeout)
        return pinned_key(transport.get_remote_server_key())
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise _why_no_handshake(target, error) from error
    finally:
        transport.close()


def _connection(
    target: Target, known: KnownKeys, wire: Wire, pinned: PinnedKey | None, passed: Callable[[str], None]
) -> Connection:
    def transport_factory(sock: Any, **_: Any) -> paramiko.Transport:
        return _transport(sock, pinned)

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
    connection.client.set_missing_host_key_policy(_PinnedOnly(target, known, passed))
    return connection


def _transport(sock: Any, pinned: PinnedKey | None) -> paramiko.Transport:
    transport = paramiko.Transport(sock)
    transport.set_log_channel(_PARAMIKO_LOG)
    options = transport.get_security_options()
    # These bring their own checksum; that of the others is compared byte by byte in Python, for every packet.
    quick = tuple(cipher for cipher in options.ciphers if "gcm" in cipher)
    options.ciphers = (*quick, *(cipher for cipher in options.ciphers if cipher not in quick))
    if pinned is not None:
        options.key_types = pinned.algorithms
    return transport


def _why_incompatible(target: Target, pinned: PinnedKey | None, error: Exception) -> Exception:
    """Asked for the pinned type only, the machine has none: then it is another key that it shows."""
    if pinned is not None:
        offered = offered_key(target)
        if offered.key_type != pinned.key_type:
            return HostKeyChanged(address=target.address, port=target.port, pinned=pinned, offered=offered)
    return HandshakeFailed(
        f"{target.address}:{target.port} and Slipway have no way of encryption in common: {error}.",
        hint="The sshd there is very old (it offers only SHA-1). Update it.",
        retryable=False,
    )


def _why_no_handshake(target: Target, error: Exception) -> Exception:
    place = f"{target.address}:{target.port}"
    if isinstance(error, TimeoutError) or "timeout" in str(error).lower():
        return ConnectTimedOut(
            f"{place} took the connection but did not finish the SSH handshake within {target.timeout:g} s.",
            hint="Is an SSH server on that port? A machine out of memory also behaves like this.",
        )
    return HandshakeFailed(
        f"{place} took the connection but is no SSH server we can talk to: {str(error) or 'it hung up'}.",
        hint="Check the port. A busy sshd (MaxStartups) or fail2ban also hangs up at once; then wait a little.",
    )
