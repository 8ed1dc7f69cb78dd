"""Logging in: only with what a target names, and a message for each reason why a machine refuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import paramiko
from paramiko.auth_strategy import AuthResult, AuthStrategy

from clusters.remote.auth.agent import Identity, identities_of
from clusters.remote.errors import ConnectTimedOut, LoginRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramiko.auth_strategy import AuthSource

    from clusters.remote.target import Target


class TargetCredentials(AuthStrategy):
    """Log in with the target's key, the agent's keys it names, then its password, and with nothing found elsewhere."""

    def __init__(self, target: Target) -> None:
        super().__init__(ssh_config=paramiko.SSHConfig())
        self._target = target

    def get_sources(self) -> Iterator[AuthSource]:
        """None in advance: what to try depends on what the machine offers."""
        return iter(())

    def authenticate(self, transport: paramiko.Transport) -> AuthResult:
        """Log in, or raise LoginRefused with the methods the machine offers, or AgentUnavailable."""
        key = self._target.key()
        with identities_of(self._target) as identities:
            attempt = _Attempt(self._target, transport)
            if attempt.with_nothing() or attempt.with_keys((key, *identities) if key else identities):
                return AuthResult(strategy=self)
            if attempt.with_password():
                return AuthResult(strategy=self)
            raise attempt.refused(has_key=key is not None or bool(identities))


class _Attempt:
    """One login: what the machine still accepts, and what was tried. Each method returns whether we are logged in."""

    def __init__(self, target: Target, transport: paramiko.Transport) -> None:
        self._target = target
        self._transport = transport
        self._allowed: list[str] = []
        self._tried: list[str] = []
        self._keys: list[paramiko.PKey] = []

    def with_nothing(self) -> bool:
        """Ask which methods are accepted; a machine that lets everybody in does so here."""
        try:
            self._allowed = list(self._transport.auth_none(self._target.user))
        except paramiko.BadAuthenticationType as error:
            self._allowed = list(error.allowed_types)
        return not self._allowed

    def with_keys(self, keys: tuple[paramiko.PKey, ...]) -> bool:
        """Try one key after another while the machine keeps the connection open."""
        for key in keys:
            if "publickey" not in self._allowed or not self._transport.is_active():
                break
            self._keys.append(key)
            if "publickey" not in self._tried:
                self._tried.append("publickey")
            try:
                self._allowed = list(self._transport.auth_publickey(self._target.user, key))
            except paramiko.AuthenticationException as error:
                _raise_timeout(self._target, error)
            else:
                if not self._allowed:
                    return True
        return False

    def with_password(self) -> bool:
        """Try the password, if there is one and the machine accepts passwords."""
        password = self._target.password
        if not password or not {"password", "keyboard-interactive"} & set(self._allowed):
            return False
        if not self._transport.is_active():
            return False
        self._tried.append("password")
        try:
            self._allowed = list(self._transport.auth_password(self._target.user, password.reveal()))
        except paramiko.AuthenticationException as error:
            _raise_timeout(self._target, error)
            return False
        return not self._allowed

    def refused(self, *, has_key: bool) -> LoginRefused:
        """The error when the machine accepted none of them."""
        allowed, tried = tuple(self._allowed), tuple(self._tried)
        message, hint = _words(self._target, ", ".join(allowed) or "nothing", tried, has_key)
        agents = [key for key in self._keys if isinstance(key, Identity)]
        if agents:
            message += f" Tried from the agent: {', '.join(_describe(key) for key in agents)}."
        if not self._transport.is_active() and len(self._keys) > 1:
            message += f" It disconnected after {len(self._keys)} keys."
            hint = "Name the right key by its fingerprint: sshd accepts only a few wrong ones (MaxAuthTries)."
        return LoginRefused(message, allowed=allowed, tried=tried, hint=hint)


def _describe(key: Identity) -> str:
    return f"{key}, with which the agent did not sign ({key.refusal})" if key.refusal else str(key)


def _raise_timeout(target: Target, error: paramiko.AuthenticationException) -> None:
    """Raises ConnectTimedOut if that is what the error means."""
    if "timeout" in str(error).lower():
        raise ConnectTimedOut(
            f"{target.subject} did not answer the login within {target.timeout:g} s.",
            hint="The usual cause is a slow name server on the machine (sshd: UseDNS no).",
        ) from error


def _words(target: Target, offers: str, tried: tuple[str, ...], has_key: bool) -> tuple[str, str]:
    who = f"{target.subject} refuses the login of {target.user}"
    given = [word for word, there in (("a key", has_key), ("a password", bool(target.password))) if there]
    if not tried:
        message = f"{who}: it accepts {offers}, but Slipway was given {' and '.join(given) or 'nothing'}."
        if target.is_jump and not given:
            return message, "Enter a separate login for the jump host: passwords of machines are not sent to it."
        hint = "Enter what the machine accepts, or allow passwords in its sshd_config (PasswordAuthentication yes)."
    elif tried == ("password",):
        message = f"{who}: wrong password, or the user may not log in (it accepts {offers})."
        hint = "Check user and password; for root, also check `PermitRootLogin` in the machine's sshd_config."
    elif tried == ("publickey",):
        message = f"{who}: the key is not accepted (it accepts {offers})."
        hint = f"Add the public half to ~{target.user}/.ssh/authorized_keys on the machine."
    else:
        message = f"{who}: neither the key nor the password is accepted (it accepts {offers})."
        hint = "Check the user, the password, and the machine's authorized_keys."
    return message, hint
