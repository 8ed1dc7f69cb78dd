"""Keys of an SSH agent: read from its socket, selected by fingerprint or comment, never forwarded to a machine."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.agent import AgentKey, AgentSSH

from clusters.remote.auth.algorithms import check_login_key, is_short
from clusters.remote.auth.host_keys import key_of
from clusters.remote.errors import AgentUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.remote.target import Target

ANY = "any"
"""Every key that the agent has may be tried."""
# Seconds. An agent may ask a person before it signs; Slipway waits this long for its answer.
AGENT_TIMEOUT = 30.0


class Identity(AgentKey):
    """One key of the agent. `refusal` is why the agent did not sign with it; empty if it signed or was not asked."""

    refusal = ""

    @property
    def fingerprint(self) -> str:
        """As `ssh-add -l` prints it."""
        return key_of(self.name, self.blob).fingerprint

    def __str__(self) -> str:
        return f"{self.fingerprint} ({self.comment})" if self.comment else self.fingerprint

    def sign_ssh_data(self, data: Any, algorithm: str | None = None) -> Any:
        """Sign, or return nothing: an error here would end the whole connection, and the next key may work."""
        try:
            return super().sign_ssh_data(data, algorithm)
        except (paramiko.SSHException, OSError) as error:
            self.refusal = str(error) or type(error).__name__
            return b""


class _Agent(AgentSSH):
    """A connection to the agent at a socket."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(AGENT_TIMEOUT)
        try:
            self._socket.connect(path)
            self._connect(self._socket)  # type: ignore[attr-defined]
        except BaseException:
            self._socket.close()
            raise

    def identities(self) -> tuple[Identity, ...]:
        """Its keys, in the agent's order."""
        return tuple(Identity(agent=self, blob=key.blob, comment=key.comment) for key in self.get_keys())

    def close(self) -> None:
        """Disconnect; its keys can no longer sign."""
        self._close()  # type: ignore[attr-defined]


@contextmanager
def identities_of(target: Target) -> Iterator[tuple[Identity, ...]]:
    """The agent's keys for the login to a target; none when the target names none. Raises AgentUnavailable."""
    if not target.agent_key:
        yield ()
        return
    agent = _connect(target)
    try:
        yield _select(target, agent.identities())
    finally:
        agent.close()


def _connect(target: Target) -> _Agent:
    need = f"The login to {target.name} needs a key of an SSH agent"
    if target.agent_socket is None:
        raise AgentUnavailable(
            f"{need}, but this Slipway may not use one.",
            hint="Set SLIPWAY_SSH_AGENT=1 where its worker runs, or enter a password or a key.",
        )
    if not target.agent_socket:
        raise AgentUnavailable(
            f"{need}, but there is none: SSH_AUTH_SOCK is not set for Slipway's worker.",
            hint="Start the worker where `ssh-add -l` lists the key, with SSH_AUTH_SOCK in its environment.",
        )
    try:
        return _Agent(target.agent_socket)
    except (paramiko.SSHException, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise AgentUnavailable(
            f"{need}, but no agent answers at {target.agent_socket}: {why}.",
            hint="SSH_AUTH_SOCK of Slipway's worker names that socket. Restart the agent or the worker.",
        ) from error


def _select(target: Target, found: tuple[Identity, ...]) -> tuple[Identity, ...]:
    if not found:
        raise AgentUnavailable(
            f"The login to {target.name} needs a key of the SSH agent, but the agent has no keys.",
            hint="Add one with `ssh-add`. A locked agent (`ssh-add -x`) also shows none.",
        )
    wanted = target.agent_key.strip()
    chosen = tuple(key for key in found if wanted in (ANY, key.comment, key.fingerprint))
    if not chosen:
        listed = ", ".join(str(key) for key in found)
        raise AgentUnavailable(
            f"The login to {target.name} needs the key {wanted}, but the SSH agent does not have it; it has {listed}.",
            hint="Enter the fingerprint or the comment as `ssh-add -l` prints it, or add that key.",
        )
    usable = tuple(key for key in chosen if not is_short(key))
    if not usable:
        check_login_key(chosen[0], f"The key {chosen[0]} of the SSH agent, needed for the login to {target.name},")
    return usable
