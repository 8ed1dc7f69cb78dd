"""The ways in which reaching a machine fails, told apart so that each can say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.errors import RemoteError

if TYPE_CHECKING:
    from clusters.remote.host import Result


class NameNotResolved(RemoteError):
    """The address is a name that nobody can turn into an IP address."""


class AddressRefused(RemoteError):
    """Slipway's server may not connect to that address, or the port is impossible (`remote.connection.networks`)."""


class ConnectionRefused(RemoteError):
    """The machine answers, but nothing listens on that port."""

    retryable = True


class NetworkUnreachable(RemoteError):
    """There is no way to that address."""

    retryable = True


class ConnectTimedOut(RemoteError):
    """Nothing answered in time."""

    retryable = True


class HandshakeFailed(RemoteError):
    """Something listens there, but no SSH connection comes of it."""

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
    """A private key file is named that cannot be used; why, and whether it is there, is not said."""


class CredentialRefused(RemoteError):
    """A credential is named that cannot be used here: there is none, or the right to use it is missing."""


class KeyEncrypted(RemoteError):
    """The private key is locked by a passphrase."""


class KeyNotUnderstood(RemoteError):
    """The text given as private key is not a key that can be used."""


class KeyTooShort(RemoteError):
    """The private key is so short that it can be computed from its public half."""


class AgentUnavailable(RemoteError):
    """A key of the SSH agent is to be used, and there is no agent, no key in it, or not this one."""


class JumpRefused(RemoteError):
    """The jump host takes our login, but lets nobody through (to this address)."""


class ConnectionLost(RemoteError):
    """The connection broke; what was running may or may not have ended. The next command reconnects."""

    retryable = True


class SessionsExhausted(RemoteError):
    """The machine opens no further session on this connection (sshd: MaxSessions)."""

    retryable = True


class ShellUnusable(RemoteError):
    """The login works but the user's shell runs no commands (nologin, a forced command, a broken profile)."""


class SudoRefused(RemoteError):
    """The user does not become root."""


class SudoPasswordWrong(SudoRefused):
    """sudo wants a password, and not this one. It was tried once only, so that nothing gets locked."""


class SudoPasswordNeeded(SudoRefused):
    """sudo wants a password and none is given."""


class SudoNotAllowed(SudoRefused):
    """The user may not use sudo, or there is no sudo."""


class SudoSilent(RemoteError):
    """sudo neither lets the user in nor refuses in time, so nobody knows which of both is right."""

    retryable = True


class CommandTooLong(RemoteError):
    """A command does not fit on a command line."""


class CommandTimedOut(RemoteError):
    """A command took longer than allowed and was ended; carries what it had printed."""

    retryable = True

    def __init__(self, message: str, *, result: Result, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.result = result


class FileTooLarge(RemoteError):
    """The file to read has more bytes than the caller accepts."""


class FileMissing(RemoteError):
    """The file to read is not on the machine."""
