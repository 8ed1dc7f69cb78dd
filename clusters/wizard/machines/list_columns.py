"""Column names that lists of machines use, from several tools."""

from __future__ import annotations

import re


def normal(text: str) -> str:
    """A column name in lower case, without blanks and punctuation."""
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def _table(columns: dict[str, str]) -> dict[str, str]:
    return {normal(word): column for column, words in columns.items() for word in words.split(", ")}


HEADER = _table(
    {
        "name": "name, host, hostname, host name, node, node name, machine, server, vm",
        "address": "address, ip, ip address, ipv4, public ip, external ip, ssh host, access ip, public address",
        "internal_address": "internal address, internal, internal ip, private ip, private address, node ip, lan",
        "port": "port, ssh port, ansible port",
        "user": "user, username, user name, login, account, ssh user, ansible user",
        "password": "password, pass, passwd, pwd, ssh password, ssh pass, secret",
        "private_key_path": "private key path, key path, key file, keyfile, identity file, private key file, key",
        "arch": "arch, architecture, cpu arch, platform",
        "jump_host": "jump host, jump, proxy jump, bastion, bastion host",
        "roles": "role, roles, group, groups",
    }
)
"""Normalized column name -> field of a machine; `roles` are role groups."""

VARIABLES = _table(
    {
        "address": "ansible_host, ansible_ssh_host, address, host",
        "internal_address": "ip, internal_address, private_ip",
        "port": "ansible_port, ansible_ssh_port, port",
        "user": "ansible_user, ansible_ssh_user, user",
        "password": "ansible_password, ansible_ssh_pass, password",
        "private_key_path": "ansible_ssh_private_key_file, ansible_private_key_file",
        "jump_host": "proxy_jump",
    }
)
"""Normalized variable of an inventory line (`node1 ansible_host=10.1.2.3`) -> field of a machine."""

ARCH = {"amd64": "amd64", "x86_64": "amd64", "x64": "amd64", "arm64": "arm64", "aarch64": "arm64"}

ROLES = {
    "etcd": "etcd",
    "master": "master",
    "masters": "master",
    "control-plane": "master",
    "controlplane": "master",
    "cp": "master",
    "worker": "worker",
    "workers": "worker",
    "node": "worker",
    "nodes": "worker",
}
"""Word in a list -> role group."""
