"""A real sshd on three loopback addresses, with separate users, for what a scripted server cannot prove."""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clusters.config.secret import Secret
from clusters.remote.auth.host_keys import PinnedKey, key_of
from clusters.remote.target import Target
from tests.known_keys import InMemoryKeys
from tests.missing import cannot_be_had
from tests.proc import descendants_of

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "slipway-test"
SUDOERS = Path("/etc/sudoers.d")
USERS_LOCK = Path("/run/lock/slipway-test-users")
CONFIG = """
Port {port}
{listen}
{host_keys}
PidFile {directory}/pid
AuthorizedKeysFile {directory}/authorized_keys
PasswordAuthentication yes
KbdInteractiveAuthentication no
PubkeyAuthentication yes
PermitRootLogin prohibit-password
StrictModes no
UsePAM {pam}
UseDNS no
MaxStartups 100:30:200
PrintMotd no
Subsystem sftp internal-sftp
{extra}
"""


class NotStarted(Exception):
    """It did not start to listen; with its output."""


@dataclass
class Sshd:
    """A running sshd. `keys` are its host keys by type."""

    directory: Path
    port: int
    user: str
    password: str
    keys: dict[str, PinnedKey]
    extra: str = ""
    addresses: tuple[str, ...] = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    inside: tuple[str, ...] = ()
    """A prefix of its command, such as one that puts it into a network namespace."""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def key(self) -> PinnedKey:
        """The key that it shows to a client without a pinned key."""
        return self.keys["ssh-ed25519"]

    @property
    def client_key(self) -> Secret:
        """A private key that logs in as anybody."""
        return Secret((self.directory / "client").read_text())

    def known(self) -> InMemoryKeys:
        """Pinned keys with this server's key."""
        known = InMemoryKeys()
        known.pin("127.0.0.1", self.port, self.key)
        return known

    def target(self, **changes: Any) -> Target:
        """How to log in with the password of the test user."""
        values: dict[str, Any] = {
            "name": "node1",
            "address": "127.0.0.1",
            "port": self.port,
            "user": self.user,
            "password": Secret(self.password),
            "timeout": 60.0,
        }
        return Target(**(values | changes))

    def root(self) -> Target:
        """How to log in as root, by key."""
        return self.target(user="root", password=None, private_key=self.client_key)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        host_keys = "\n".join(f"HostKey {path}" for path in sorted(self.directory.glob("host_*_key")))
        config = self.directory / "sshd_config"
        pam = "yes" if Path("/etc/pam.d/sshd").exists() else "no"
        config.write_text(
            CONFIG.format(
                port=self.port,
                listen="\n".join(f"ListenAddress {address}" for address in self.addresses),
                host_keys=host_keys,
                directory=self.directory,
                pam=pam,
                extra=self.extra,
            )
        )
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        command = [*self.inside, _needed("sshd"), "-D", "-e", "-f", str(config)]
        place = self.directory / "log"
        with place.open("ab") as log:
            before = log.tell()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 90
        # From its own log, since another process may have taken the port meanwhile and would also answer.
        while place.read_bytes()[before:].count(b"Server listening on ") < len(self.addresses):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise NotStarted(place.read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it and end all its connections, like a machine that shuts down."""
        process, self.process = self.process, None
        if process is None:
            return
        family = descendants_of(process.pid)
        process.terminate()
        process.wait(60)
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def why_not() -> str:
    """Why a real sshd with users is impossible here; empty if it is possible."""
    if os.geteuid() != 0:
        return "needs root, to make the users that log in"
    missing = [tool for tool in ("sshd", "sudo", "useradd", "chpasswd", "ssh-keygen") if _find(tool) is None]
    return f"needs {', '.join(missing)} (apt-get install openssh-server sudo)" if missing else ""


def free_port() -> int:
    """A port of the loopback interface on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_keys(directory: Path) -> dict[str, PinnedKey]:
    """Host keys of three types and a client key that is allowed to log in."""
    found = {}
    for kind, options in {"ed25519": [], "ecdsa": ["-b", "256"], "rsa": ["-b", "2048"]}.items():
        path = directory / f"host_{kind}_key"
        generate_key(path, kind, *options)
        key_type, blob = Path(f"{path}.pub").read_text().split()[:2]
        found[key_type] = key_of(key_type, base64.b64decode(blob))
    generate_key(directory / "client", "ed25519")
    shutil.copy(directory / "client.pub", directory / "authorized_keys")
    return found


def generate_key(path: Path, kind: str, *options: str, passphrase: str = "") -> None:
    """A new private key by ssh-keygen."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "slipway-test", "-f", str(path), *options]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


@contextmanager
def user(name: str, *, password: str, shell: str = "/bin/sh", sudo: str = "") -> Iterator[None]:
    """A user of this machine until the block ends; `sudo` is the right side of its sudoers line."""
    rule = SUDOERS / name
    _forget(name, rule)
    with alone():
        subprocess.run(["useradd", "-m", "-s", shell, name], check=True)
        subprocess.run(["chpasswd"], input=f"{name}:{password}".encode(), check=True)
    try:
        if sudo:
            rule.write_text(f"{name} {sudo}\n")
            rule.chmod(0o440)
        yield
    finally:
        _forget(name, rule)


def _forget(name: str, rule: Path) -> None:
    rule.unlink(missing_ok=True)
    subprocess.run(["pkill", "-KILL", "-u", name], check=False, capture_output=True)
    with alone():
        subprocess.run(["userdel", "-r", "-f", name], check=False, capture_output=True)


@contextmanager
def alone() -> Iterator[None]:
    """One process at a time changes the machine's users: parallel useradd and chpasswd overwrite each other."""
    with USERS_LOCK.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def running_sshd(directory: Path, name: str, password: str, extra: str = "") -> Iterator[Sshd]:
    """An sshd until the block ends."""
    server = Sshd(directory, free_port(), name, password, make_keys(directory), extra)
    try:
        server.start()
    except NotStarted:
        # The usual reason is that another process took the port between the check and the start.
        server.port = free_port()
        server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def sshd() -> Iterator[Sshd]:
    """A real sshd with a user that becomes root by password; skipped without root, but not where CI is set."""
    reason = why_not()
    if reason:
        cannot_be_had(f"a real sshd cannot be had: {reason}")
    # Each folder that imports this fixture has a separate one, all in one process and until its end.
    name, password = f"{USER}-{os.getpid()}-{secrets.token_hex(2)}", secrets.token_hex(8) + " 'ü\""
    # pytest's own directories are closed to other users, and sshd reads authorized_keys as the user who logs in.
    with tempfile.TemporaryDirectory(prefix="slipway-sshd-") as place:
        directory = Path(place)
        directory.chmod(0o755)
        with user(name, password=password, sudo="ALL=(ALL) ALL"), running_sshd(directory, name, password) as server:
            yield server


def _find(tool: str) -> str | None:
    return shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def _needed(tool: str) -> str:
    found = _find(tool)
    if found is None:
        raise RuntimeError(f"{tool} is not installed")
    return found
