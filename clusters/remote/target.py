"""Target: where a machine is and how to log in, taken from a host of the document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.remote.errors import KeyUnreadable
from clusters.remote.keys import key_from_file, parse_key

if TYPE_CHECKING:
    import paramiko

    from clusters.config.schema import Host
    from clusters.config.secret import Secret

# KubeKey reads this file when a host has no password, no key and no path (its API types, 1.0 to 3.1).
DEFAULT_KEY_PATH = "~/.ssh/id_rsa"


@dataclass(frozen=True, slots=True)
class Target:
    """A machine to log in to. `timeout` is in seconds and bounds each stage of connecting."""

    name: str
    address: str
    port: int = 22
    user: str = "root"
    password: Secret | None = None
    private_key: Secret | None = None
    private_key_path: str = ""
    timeout: float = 30.0

    def key(self) -> paramiko.PKey | None:
        """The private key to log in with, if there is one; text wins over path.

        Raises KeyUnreadable, KeyEncrypted or KeyNotUnderstood.
        """
        if self.private_key:
            return parse_key(self.private_key, f"The private key of {self.name}")
        if not self.private_key_path:
            return None
        try:
            return parse_key(key_from_file(self.private_key_path), f"The private key file {self.private_key_path}")
        except KeyUnreadable as error:
            if self.private_key_path != DEFAULT_KEY_PATH:
                raise
            raise KeyUnreadable(
                f"{self.name} has no password and no key, and this server has no readable {DEFAULT_KEY_PATH} to try.",
                hint="Give a password or a private key for it.",
            ) from error


def target_of(host: Host) -> Target:
    """The target of a host of the document, by KubeKey's rules for what is left out."""
    nothing_given = not (host.password or host.private_key or host.private_key_path)
    return Target(
        name=host.name,
        address=host.ssh_address.strip(),
        port=host.port,
        user=host.user or "root",
        password=host.password or None,
        private_key=host.private_key or None,
        private_key_path=DEFAULT_KEY_PATH if nothing_given else host.private_key_path,
        timeout=float(host.timeout if host.timeout > 0 else 30),
    )
