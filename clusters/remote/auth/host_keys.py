"""Host keys: pinned at the first connection once a person accepts them; a changed key stops everything."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from clusters.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import paramiko

# What a server may sign with when its key is of a type; RSA with SHA-1 is gone (paramiko 5).
SIGNATURES: Mapping[str, tuple[str, ...]] = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """A machine's public key: its type, the key in base64, and the fingerprint as `ssh-keygen -l` prints it."""

    key_type: str
    key: str
    fingerprint: str

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The signature algorithms to request, so that the server shows this key and no other."""
        return SIGNATURES.get(self.key_type, (self.key_type,))


class KnownKeys(Protocol):
    """The store of pinned keys."""

    def lookup(self, address: str, port: int) -> PinnedKey | None:
        """The key pinned for that address, if somebody has accepted one."""
        ...


class HostKeyUnknown(RemoteError):
    """Nobody has accepted the key shown at this address yet; `called` is the machine's name for people."""

    def __init__(self, *, address: str, port: int, offered: PinnedKey, called: str = "") -> None:
        super().__init__(
            f"The key of {called or f'{address}:{port}'} is not known yet: {offered.key_type} {offered.fingerprint}.",
            hint="Compare the fingerprint with the machine's own"
            " (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`), then accept it.",
        )
        self.address, self.port = address, port
        self.offered = offered


class HostKeyChanged(RemoteError):
    """This address shows a key other than the pinned one; nothing was sent there."""

    def __init__(self, *, address: str, port: int, pinned: PinnedKey, offered: PinnedKey, called: str = "") -> None:
        super().__init__(
            f"The key of {called or f'{address}:{port}'} has changed: expected {pinned.key_type} {pinned.fingerprint},"
            f" found {offered.key_type} {offered.fingerprint}. No password or key was sent.",
            hint="Either the machine was reinstalled or another one answers at its address."
            " Accept the new key only if you know why it changed.",
        )
        self.address, self.port = address, port
        self.pinned = pinned
        self.offered = offered


def pinned_key(key: paramiko.PKey) -> PinnedKey:
    """A server's key in the form in which it is stored."""
    return key_of(key.get_name(), key.asbytes())


def key_of(key_type: str, blob: bytes) -> PinnedKey:
    """A pinned key from the public key's wire form."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return PinnedKey(key_type=key_type, key=base64.b64encode(blob).decode(), fingerprint=f"SHA256:{digest}")


def check_key(known: KnownKeys, address: str, port: int, offered: PinnedKey, called: str = "") -> None:
    """Accept only the pinned key. Raises HostKeyUnknown or HostKeyChanged; `called` is the name for people."""
    pinned = known.lookup(address, port)
    if pinned is None:
        raise HostKeyUnknown(address=address, port=port, offered=offered, called=called)
    if (pinned.key_type, pinned.key) != (offered.key_type, offered.key):
        raise HostKeyChanged(address=address, port=port, pinned=pinned, offered=offered, called=called)
