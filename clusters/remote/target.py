"""Target: where a machine of the document is, through which jump hosts it is reached, and how to log in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clusters.config.jump_hosts import route_to
from clusters.config.logins import WHERE_KK_RAN
from clusters.remote.auth.keys import parse_key
from clusters.remote.errors import CredentialRefused, KeyUnreadable

if TYPE_CHECKING:
    import paramiko

    from clusters.config.jump_hosts import Hop
    from clusters.config.schema import Host
    from clusters.config.secret import Secret
    from clusters.remote.connection.networks import Networks

MOST_SECONDS = 60.0
"""The limit of each stage of connecting, whatever the document sets: a stage holds a place that others wait for."""


@dataclass(frozen=True, slots=True)
class Target:
    """A machine to log in to, or a jump host. `timeout` is in seconds and bounds each stage of connecting.

    `networks` are those to which this server may connect, None for all. They do not limit what is behind a jump host:
    this server does not connect there itself.

    `via` is the jump host in front of it, None for a direct connection. `agent_key` is `any`, or a
    fingerprint or a comment of a key of the SSH agent at `agent_socket`: "" when there is none, None when Slipway
    may not use one. `private_key_path` and `credential` are set only where they could not be resolved.
    `direct` are the words that commands on it get in `no_proxy`, where their environment has a proxy.
    """

    name: str
    address: str
    port: int = 22
    user: str = "root"
    password: Secret | None = None
    private_key: Secret | None = None
    private_key_path: str = ""
    credential: str = ""
    timeout: float = 30.0
    agent_key: str = ""
    agent_socket: str | None = None
    via: Target | None = None
    is_jump: bool = False
    networks: Networks | None = None
    direct: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """Its name, for the beginning of a sentence."""
        return self.name[:1].upper() + self.name[1:] if self.is_jump else self.name

    @property
    def place(self) -> str:
        """Address and port, for the beginning of a sentence."""
        return self.subject if self.is_jump else f"{self.address}:{self.port}"

    @property
    def where(self) -> str:
        """Address and port, for the middle of a sentence."""
        return self.name if self.is_jump else f"{self.address}:{self.port}"

    def key(self) -> paramiko.PKey | None:
        """The private key to log in with, if there is one. `clusters.runs.access.logins` reads files, not this.

        Raises KeyUnreadable, CredentialRefused, KeyEncrypted, KeyTooShort or KeyNotUnderstood.
        """
        if self.credential:
            raise credential_refused(self.credential)
        if self.private_key:
            return parse_key(self.private_key, f"The private key of {self.name}")
        if self.private_key_path:
            raise key_unreadable(self.private_key_path)
        return None


def key_unreadable(path: str) -> KeyUnreadable:
    """The one error for every key file that is not used, so that it reveals nothing about the file."""
    return KeyUnreadable(f"The private key file {path} cannot be used.", hint=WHERE_KK_RAN)


def credential_refused(name: str) -> CredentialRefused:
    """The one error for every credential that is not used, so that it does not reveal whether one exists."""
    return CredentialRefused(
        f"The credential {name} cannot be used.",
        hint="No credential of that name may be used for this address by both the cluster's owner and you."
        " Ask its owner to share it, or give the machine another login.",
    )


def target_of(host: Host, agent_socket: str | None = None, networks: Networks | None = None) -> Target:
    """The target of a host of the document, with KubeKey's defaults; at most MOST_SECONDS for each stage.

    Its jump host is the one in its own row (`clusters.config.jump_hosts.reached`). Raises ConfigError when the jump
    host cannot be read.
    """
    target = Target(
        name=host.name,
        address=host.ssh_address.strip(),
        port=host.port,
        user=host.user or "root",
        password=host.password or None,
        private_key=host.private_key or None,
        private_key_path=host.private_key_path,
        credential=host.credential,
        timeout=min(float(host.timeout if host.timeout > 0 else 30), MOST_SECONDS),
        agent_key=host.agent_key,
        agent_socket=agent_socket,
        networks=networks,
    )
    via: Target | None = None
    for hop in route_to(host):
        via = _jump(hop, host, target, via)
    return replace(target, via=via)


def _jump(hop: Hop, host: Host, behind: Target, via: Target | None) -> Target:
    """A jump host; without a separate login it gets the key of the machine behind it, but never its password."""
    jump = host.jump_host
    own = jump.has_login
    return Target(
        name=f"the jump host {hop.place}",
        address=hop.address,
        port=hop.port,
        user=hop.user or behind.user,
        password=jump.password or None,
        private_key=(jump.private_key or None) if own else behind.private_key,
        private_key_path=jump.private_key_path if own else behind.private_key_path,
        credential=jump.credential if own else behind.credential,
        agent_key=jump.agent_key if own else behind.agent_key,
        agent_socket=behind.agent_socket,
        via=via,
        is_jump=True,
        networks=behind.networks,
    )
