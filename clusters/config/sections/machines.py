"""Machines and their role groups: `hosts` and `roleGroups`. Source: the types of KubeKey 1.0 to 3.1."""

from __future__ import annotations

from typing import Annotated

from clusters.config.keys import OURS, GivenSecret, Model, Names, Text, key, or_default


class JumpHost(Model):
    """The route to a machine that cannot be reached directly, as in OpenSSH's ProxyJump; KubeKey has none.

    Without a separate login, the machine's key is tried; the machine's password is never sent.
    """

    hops: Text = key("", "user@bastion:22, several separated by commas; none for a direct connection.", since=OURS)
    password: GivenSecret = key(None, "The user's password on the jump host.", since=OURS)
    private_key: GivenSecret = key(None, "A private key for the jump host.", since=OURS, lines=True)
    private_key_path: Text = key("", "A private key's path on the installer's machine.", since=OURS)
    agent_key: Text = key("", "A key of the installer's SSH agent: any, a fingerprint or a comment.", since=OURS)
    credential: Text = key("", "Name of a credential that Slipway stores, instead of a login.", since=OURS)

    @property
    def has_login(self) -> bool:
        """Whether it has its own login."""
        return bool(self.password or self.private_key or self.private_key_path or self.agent_key or self.credential)


class Host(Model):
    """One machine. Defaults: `user` root, `port` 22, `address` the internal address."""

    name: Text = key("", "The machine's host name and its node's name.", always_written=True)
    address: Text = key("", "The address for SSH; the internal address if empty.")
    internal_address: Text = key("", "The address for other machines; IPv4, or `IPv4,IPv6`. Same as address if empty.")
    port: int = key(22, "SSH port.")
    user: Annotated[str, or_default("root")] = key("root", "The login user; users other than root use sudo.")
    password: GivenSecret = key(None, "The user's password, for SSH and sudo.")
    private_key: GivenSecret = key(None, "The private key itself, PEM or OpenSSH.", since="1.1", lines=True)
    private_key_path: Text = key("", "A private key's path on the installer's machine.")
    agent_key: Text = key("", "A key of the installer's SSH agent: any, a fingerprint or a comment.", since=OURS)
    credential: Text = key("", "Name of a credential that Slipway stores, instead of user and login.", since=OURS)
    jump_host: JumpHost = key(JumpHost(), "The jump hosts; the document's if empty.", since=OURS)
    arch: Annotated[str, or_default("amd64")] = key("amd64", "Processor.", choices=("amd64", "arm64"))
    timeout: int = key(30, "Seconds to wait for an SSH connection; Slipway waits at most 60.", since="2.1")
    labels: dict[str, str] = key({}, "Labels of the node.", since="1.1")

    @property
    def has_key(self) -> bool:
        """Whether it has a key for login, wherever it is stored."""
        return bool(self.private_key or self.private_key_path or self.agent_key)

    @property
    def has_login(self) -> bool:
        """Whether it has a login."""
        return bool(self.password or self.has_key or self.credential)

    @property
    def ssh_address(self) -> str:
        """The address for SSH; the first of a dual-stack pair."""
        return self.address or self.internal_address.partition(",")[0].strip()

    @property
    def node_address(self) -> str:
        """The address for other nodes, as written (KubeKey: `internalAddress`); both for a dual-stack machine."""
        return self.internal_address or self.address

    @property
    def first_address(self) -> str:
        """The address used within the cluster; the IPv4 one for a dual-stack machine."""
        return (self.node_addresses or ("",))[0]

    @property
    def node_addresses(self) -> tuple[str, ...]:
        """The node's addresses one by one: IPv4, then IPv6 if the machine is dual-stack."""
        return tuple(part.strip() for part in self.node_address.split(",") if part.strip())


class RoleGroups(Model):
    """The roles of machines. `control-plane` is read as `master`; other groups are stored unchanged."""

    etcd: Names = key((), "Members of etcd. Names, or ranges like node[1:3].", always_written=True)
    master: Names = key((), "Control plane machines.", always_written=True)
    worker: Names = key((), "Machines that run pods.", always_written=True)
    control_plane: Names = key((), "The same as master.", alias="control-plane", since="2.0")
    registry: Names = key(
        (), "Machines of the image registry.", since="2.0", acted=False, instead="Install the registry before the run."
    )
