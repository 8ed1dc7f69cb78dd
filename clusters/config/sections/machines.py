"""Machines and their role groups: `hosts` and `roleGroups`. Source: the types of KubeKey 1.0 to 3.1."""

from __future__ import annotations

from typing import Annotated

from clusters.config.keys import OURS, GivenSecret, Model, Names, Text, key, or_default


class JumpHost(Model):
    """The way to a machine that cannot be reached directly, as OpenSSH's ProxyJump has it; KubeKey knows none.

    Without a login of its own, what the machine's key opens is tried; the machine's password never is.
    """

    hops: Text = key("", "user@bastion:22, several parted by commas; none for a machine without.", since=OURS)
    password: GivenSecret = key(None, "The user's password on the jump host.", since=OURS)
    private_key: GivenSecret = key(None, "A private key for the jump host.", since=OURS, lines=True)
    private_key_path: Text = key("", "A private key's path on the installer's machine.", since=OURS)
    agent_key: Text = key("", "A key of the installer's SSH agent: any, a fingerprint or a comment.", since=OURS)
    credential: Text = key("", "Name of a credential that Slipway stores, in place of a login of its own.", since=OURS)

    @property
    def has_login(self) -> bool:
        """Whether it says itself how to log in."""
        return bool(self.password or self.private_key or self.private_key_path or self.agent_key or self.credential)


class Host(Model):
    """One machine. Without `user` it is root, without `port` 22, without `address` the internal address."""

    name: Text = key("", "The machine's host name and its node's name.", shown=True)
    address: Text = key("", "Where SSH goes; the internal address when empty.")
    internal_address: Text = key(
        "", "What the other machines call it by; IPv4, or `IPv4,IPv6`. The address when empty."
    )
    port: int = key(22, "SSH port.", quoted=True)
    user: Annotated[str, or_default("root")] = key("root", "Who logs in; others than root use sudo.")
    password: GivenSecret = key(None, "The user's password, for SSH and sudo.")
    private_key: GivenSecret = key(None, "The private key itself, PEM or OpenSSH.", since="1.1", lines=True)
    private_key_path: Text = key("", "A private key's path on the installer's machine.")
    agent_key: Text = key("", "A key of the installer's SSH agent: any, a fingerprint or a comment.", since=OURS)
    credential: Text = key("", "Name of a credential that Slipway stores, in place of user and login.", since=OURS)
    jump_host: JumpHost = key(JumpHost(), "Through what SSH goes; the document's when empty.", since=OURS)
    arch: Annotated[str, or_default("amd64")] = key("amd64", "Processor.", choices=("amd64", "arm64"))
    timeout: int = key(30, "Seconds until an SSH connection has to stand; Slipway waits 60 at most.", since="2.1")
    labels: dict[str, str] = key({}, "Labels of the node.", since="1.1")

    @property
    def has_key(self) -> bool:
        """Whether it has a key to log in with, wherever that lies."""
        return bool(self.private_key or self.private_key_path or self.agent_key)

    @property
    def has_login(self) -> bool:
        """Whether it says how to log in."""
        return bool(self.password or self.has_key or self.credential)

    @property
    def ssh_address(self) -> str:
        """Where SSH goes; of a dual-stack pair the first."""
        return self.address or self.internal_address.partition(",")[0].strip()

    @property
    def node_address(self) -> str:
        """The address other nodes use as it is written (KubeKey: `internalAddress`); of a dual-stack machine both."""
        return self.internal_address or self.address

    @property
    def first_address(self) -> str:
        """The address that everything within the cluster is told; of a dual-stack machine the IPv4 one."""
        return (self.node_addresses or ("",))[0]

    @property
    def node_addresses(self) -> tuple[str, ...]:
        """The node's addresses one by one: IPv4, then IPv6 if the machine is dual-stack."""
        return tuple(part.strip() for part in self.node_address.split(",") if part.strip())


class RoleGroups(Model):
    """Which machine is what. `control-plane` beside `master` is read as `master`; other groups are kept as they are."""

    etcd: Names = key((), "Members of etcd. Names, or ranges like node[1:3].", shown=True)
    master: Names = key((), "Control plane machines.", shown=True)
    worker: Names = key((), "Machines that run pods.", shown=True)
    control_plane: Names = key((), "The same as master.", alias="control-plane", since="2.0")
    registry: Names = key((), "Machines of the image registry.", since="2.0", acted=False)
