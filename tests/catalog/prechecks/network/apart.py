"""Machines apart: network namespaces with a router between them, each reached through a real sshd."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.config.schema import Document
from clusters.remote.ssh import SshHost
from clusters.remote.target import target_of
from tests.known_keys import InMemoryKeys
from tests.missing import cannot_be_had
from tests.sshd import free_port, running_sshd, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Host
    from tests.sshd import Sshd

FORCED = """
Match LocalPort {port}
    ForceCommand exec nsenter -t {pid} -n /bin/sh -c "$SSH_ORIGINAL_COMMAND"
"""


@dataclass
class Apart:
    """Machines n1, n2 and so on at 10.77.1.1, 10.77.2.1 and so on; `router` is a process where packets pass."""

    server: Sshd
    router: int
    ports: list[int]

    def on_router(self, *command: str) -> None:
        """Run something where all packets pass."""
        subprocess.run(["nsenter", "-t", str(self.router), "-n", *command], check=True, capture_output=True)

    def document(self, **groups: list[str]) -> Document:
        """The machines with these roles."""
        hosts = [
            {
                "name": f"n{number}",
                "address": "127.0.0.1",
                "port": port,
                "internalAddress": f"10.77.{number}.1",
                "privateKey": self.server.client_key.reveal(),
            }
            for number, port in enumerate(self.ports, 1)
        ]
        return Document.model_validate({"hosts": hosts, "roleGroups": groups, "network": {"plugin": "bridge"}})

    def open_host(self, spec: Host) -> SshHost:
        """A machine over SSH."""
        known = InMemoryKeys()
        known.pin("127.0.0.1", spec.port, self.server.key)
        return SshHost(target_of(spec), known)


@contextmanager
def machines_apart(count: int) -> Iterator[Apart]:
    """So many machines, for as long as the block lasts."""
    with ExitStack() as stack:
        router, *holders = [stack.enter_context(_namespace()) for _ in range(count + 1)]
        _in(router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        for number, pid in enumerate(holders, 1):
            _cable(number, pid, router)
        ports = [free_port() for _ in holders]
        more = "".join(f"ListenAddress 127.0.0.1:{port}\n" for port in ports)
        more += "".join(FORCED.format(port=port, pid=pid) for port, pid in zip(ports, holders, strict=True))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slipway-apart-")))
        directory.chmod(0o755)
        server = stack.enter_context(running_sshd(directory, "root", "", more))
        yield Apart(server, router, ports)


@contextmanager
def _namespace() -> Iterator[int]:
    """A network namespace that lives as long as a process that reports when it is in it."""
    holder = subprocess.Popen(
        ["unshare", "-n", "sh", "-c", "ip link set lo up; echo there; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        if holder.stdout is None or holder.stdout.readline() != b"there\n":
            raise RuntimeError("no network namespace could be made")
        yield holder.pid
    finally:
        holder.communicate()


def _cable(number: int, pid: int, router: int) -> None:
    end, way = f"n{number}", f"r{number}"
    words = f"link add {end} netns {pid} type veth peer name {way} netns {router}"
    subprocess.run(["ip", *words.split()], check=True)
    _in(router, "ip", "addr", "add", f"10.77.{number}.254/24", "dev", way)
    _in(router, "ip", "link", "set", way, "up")
    _in(pid, "ip", "addr", "add", f"10.77.{number}.1/24", "dev", end)
    _in(pid, "ip", "link", "set", end, "up")
    _in(pid, "ip", "route", "add", "default", "via", f"10.77.{number}.254")


def _in(pid: int, *command: str) -> None:
    subprocess.run(["nsenter", "-t", str(pid), "-n", *command], check=True, capture_output=True)


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    """Three machines; skipped without root, but not where CI is set."""
    missing = [tool for tool in ("unshare", "nsenter", "ip", "bash") if shutil.which(tool) is None]
    reason = why_not() or (f"needs {', '.join(missing)}" if missing else "")
    if reason:
        cannot_be_had(f"machines apart cannot be had: {reason}")
    with machines_apart(3) as found:
        yield found
