"""Keys of an SSH agent: fetched from its socket, chosen by fingerprint or comment, and never forwarded to a machine."""

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
# An agent may ask a person before it signs; after so many seconds without an answer it is given up.
PATIENCE = 30.0


class Identity(AgentKey):
    """One key of the agent. `silent` says why the agent did not sign with it, empty when it did or was not asked."""

    silent = ""

    @property
    def fingerprint(self) -> str:
        """As `ssh-add -l` prints it."""
        return key_of(self.name, self.blob).fingerprint

    def __str__(self) -> str:
        return f"{self.fingerprint} ({self.comment})" if self.comment else self.fingerprint

    def sign_ssh_data(self, data: Any, algorithm: str | None = None) -> Any:
        """Sign, or give nothing: an error here would end the whole connection, and the next key may do."""
        try:
            return super().sign_ssh_data(data, algorithm)
        except (paramiko.SSHException, OSError) as error:
            self.silent = str(error) or type(error).__name__
            return b""


class _Agent(AgentSSH):
    """A connection to the agent at a socket."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        try:
            self._socket.connect(path)
            self._connect(self._socket)  # type: ignore[attr-defined]
        except BaseException:
            self._socket.close()
            raise

    def identities(self) -> tuple[Identity, ...]:
        """Its keys, in its order."""
        return tuple(Identity(agent=self, blob=key.blob, comment=key.comment) for key in self.get_keys())

    def close(self) -> None:
        """Leave it; the keys can sign no longer."""
        self._close()  # type: ignore[attr-defined]


@contextmanager
def identities_of(target: Target) -> Iterator[tuple[Identity, ...]]:
    """The agent's keys to log in to a target with, none when it names none. Raises AgentUnavailable."""
    if not target.agent_key:
        yield ()
        return
    agent = _reach(target)
    try:
        yield _chosen(target, agent.identities())
    finally:
        agent.close()


def _reach(target: Target) -> _Agent:
    wants = f"{target.subject} is to be logged in to with a key of an SSH agent"
    if target.agent_socket is None:
        raise AgentUnavailable(
            f"{wants}, and this Slipway is not allowed to use one.",
            hint="Set SLIPWAY_SSH_AGENT=1 where its worker runs, or give a password or a key.",
        )
    if not target.agent_socket:
        raise AgentUnavailable(
            f"{wants}, and there is none: SSH_AUTH_SOCK is not set for Slipway's worker.",
            hint="Start it where `ssh-add -l` lists the key, with SSH_AUTH_SOCK in its environment.",
        )
    try:
        return _Agent(target.agent_socket)
    except (paramiko.SSHException, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise AgentUnavailable(
            f"{wants}, and no agent answers at {target.agent_socket}: {why}.",
            hint="SSH_AUTH_SOCK of Slipway's worker names that socket. Start the agent, or the worker, anew.",
        ) from error


def _chosen(target: Target, found: tuple[Identity, ...]) -> tuple[Identity, ...]:
    if not found:
        raise AgentUnavailable(
            f"{target.subject} is to be logged in to with a key of the SSH agent, and the agent has no keys.",
            hint="Add one with `ssh-add`. An agent that is locked (`ssh-add -x`) also shows none.",
        )
    wanted = target.agent_key.strip()
    chosen = tuple(key for key in found if wanted in (ANY, key.comment, key.fingerprint))
    if not chosen:
        listed = ", ".join(str(key) for key in found)
        raise AgentUnavailable(
            f"The SSH agent has no key {wanted}, with which {target.name} is to be logged in to; it has {listed}.",
            hint="Give the fingerprint or the comment as `ssh-add -l` prints it, or add that key.",
        )
    usable = tuple(key for key in chosen if not is_short(key))
    if not usable:
        check_login_key(chosen[0], f"{chosen[0]} of the SSH agent, with which {target.name} is to be logged in to,")
    return usable
