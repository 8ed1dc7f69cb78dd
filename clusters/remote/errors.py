"""Why a machine cannot be reached: one error for each cause, so that each can suggest what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.errors import RemoteError

if TYPE_CHECKING:
    from clusters.remote.host import Result


class NameNotResolved(RemoteError):
    """The address is a name that cannot be resolved to an IP address."""


class AddressRefused(RemoteError):
    """Slipway's server may not connect to that address, or the port is impossible (`remote.connection.networks`)."""


class ConnectionRefused(RemoteError):
    """The machine answers, but nothing listens on that port."""

    retryable = True


class NetworkUnreachable(RemoteError):
    """No route leads to that address."""

    retryable = True


class ConnectTimedOut(RemoteError):
    """Nothing answered in time."""

    retryable = True


class HandshakeFailed(RemoteError):
    """Something listens there, but the SSH handshake does not complete."""

    retryable = True


class LoginRefused(RemoteError):
    """The machine did not accept the user with this password or key.

    `allowed` are the methods it offers (`publickey`, `password`, ...), `tried` those we used.
    """

    def __init__(self, message: str, *, allowed: tuple[str, ...], tried: tuple[str, ...], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.allowed = allowed
        self.tried = tried


class KeyUnreadable(RemoteError):
    """A private key file that cannot be used; the error does not reveal why, or whether the file exists."""


class CredentialRefused(RemoteError):
    """A credential that cannot be used here: it does not exist, or the right to use it is missing."""


class KeyEncrypted(RemoteError):
    """The private key is protected by a passphrase."""


class KeyNotUnderstood(RemoteError):
    """The text given as a private key is not a usable key."""


class KeyTooShort(RemoteError):
    """The private key is so short that it can be computed from its public half."""


class AgentUnavailable(RemoteError):
    """The login needs a key of the SSH agent, but the agent is missing, has no keys, or does not have this one."""


class JumpRefused(RemoteError):
    """The jump host accepts our login but does not forward connections (to this address)."""


class ConnectionLost(RemoteError):
    """The connection broke; what was running may or may not have ended. The next command reconnects."""

    retryable = True


class SessionsExhausted(RemoteError):
    """The machine does not open another session on this connection (sshd: MaxSessions)."""

    retryable = True


class ShellUnusable(RemoteError):
    """The login works but the user's shell runs no commands (nologin, a forced command, a broken profile)."""


class SudoRefused(RemoteError):
    """The user cannot become root."""


class SudoPasswordWrong(SudoRefused):
    """sudo does not accept this password. It was tried only once, so that no account gets locked."""


class SudoPasswordNeeded(SudoRefused):
    """sudo asks for a password, and none was entered."""


class SudoNotAllowed(SudoRefused):
    """The user may not use sudo, or sudo is not installed."""


class SudoSilent(RemoteError):
    """sudo neither accepted nor refused the user in time, so it is unknown whether the user may become root."""

    retryable = True


class CommandTooLong(RemoteError):
    """A command does not fit on a command line."""


class CommandTimedOut(RemoteError):
    """A command took longer than allowed and was stopped; the error carries what it had printed."""

    retryable = True

    def __init__(self, message: str, *, result: Result, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.result = result


class FileTooLarge(RemoteError):
    """The file has more bytes than the caller accepts."""


class FileMissing(RemoteError):
    """The file does not exist on the machine."""
