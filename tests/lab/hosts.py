"""One lab host: a disk, a cable, and a Debian booted by systemd-nspawn."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import cgroups, kernel_modules, network, rootfs
from tests.lab.commands import LabError, run, tail
from tests.lab.recipe import remove_tree

if TYPE_CHECKING:
    from tests.lab.network import Network

BOOT = Path(__file__).with_name("boot.sh")
SSH_PORT = 22
BOOT_SECONDS = 60.0
ROOT_KEY = "root_key"
WATCHERS = Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH_WATCHERS = 1024
"""A host in a cluster has about 20, and some kernels allow 128: the seventh host's kubelet would not start."""


@dataclass(frozen=True, slots=True)
class LabHost:
    """The login of a host, for users that do not know that it belongs to the lab."""

    name: str
    address: str
    user: str = rootfs.USER
    password: str = rootfs.PASSWORD
    port: int = SSH_PORT
    address6: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """A host, from outside: `number` counts from 1, `home` is the lab's directory."""

    home: Path
    network: Network
    number: int

    @property
    def name(self) -> str:
        """The host's name: node1, node2, ..."""
        return f"node{self.number}"

    @property
    def address(self) -> str:
        """The host's address on the lab's bridge."""
        return self.network.address(self.number)

    @property
    def disk(self) -> Path:
        """The directory of the host's own files; it stays through every restart, as long as the host exists."""
        return self.home / "hosts" / self.name

    @property
    def group(self) -> str:
        """The host's control group."""
        return f"lab-{self.network.name}/{self.name}"

    @property
    def machine_name(self) -> str:
        """Its name for systemd-nspawn."""
        return f"{self.network.name}-{self.name}"

    @property
    def is_running(self) -> bool:
        """Whether any process of the host is alive."""
        return bool(cgroups.processes(self.group))

    def as_lab_host(self) -> LabHost:
        """The host for its users."""
        return LabHost(self.name, self.address, address6=self.network.address6(self.number))


def make_disk(machine: Machine, base: Path) -> None:
    """Make the host's disk over `base` if it has none: its own name, id, host keys and /var/lib."""
    if (machine.disk / "base").is_symlink():
        return
    remove_tree(machine.disk)
    upper = machine.disk / "upper"
    for folder in ("work", "root", "upper/etc/ssh", "upper/root"):
        (machine.disk / folder).mkdir(parents=True)
    (upper / "root").chmod(0o700)
    shutil.copytree(base / "var/lib", machine.disk / "var-lib", symlinks=True)
    (upper / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
    (upper / "etc/hostname").write_text(f"{machine.name}\n")
    # Nothing answers there, and queries fail immediately; but CoreDNS does not start without a name server.
    (upper / "etc/resolv.conf").write_text(f"nameserver {machine.network.gateway}\n")
    (upper / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {machine.name}\n")
    for kind in ("ed25519", "ecdsa"):
        key = upper / f"etc/ssh/ssh_host_{kind}_key"
        run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"root@{machine.name}", "-f", key])
    kernel_modules.write(upper)
    keys = upper / "root/.ssh"
    keys.mkdir(mode=0o700)
    shutil.copy(root_key(machine.home).with_suffix(".pub"), keys / "authorized_keys")
    # Last: a disk without it is incomplete and is made again.
    (machine.disk / "base").symlink_to(base)


def root_key(home: Path) -> Path:
    """The private key that root of every host of this lab accepts; made once."""
    key = home / ROOT_KEY
    if not key.exists():
        home.mkdir(parents=True, exist_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "slipway-lab", "-f", key])
    return key


def start(machine: Machine) -> None:
    """Power on; returns immediately. `wait` returns when the host can be used."""
    base = (machine.disk / "base").resolve(strict=True)
    network.attach(machine.network, machine.name, machine.number)
    groups = cgroups.make(machine.group)
    argv: list[str | Path] = ["setsid", "--fork", "unshare", "--mount", "--propagation", "private", "sh", BOOT]
    argv += [base, machine.disk, machine.network.namespace(machine.name), machine.machine_name, machine.name, *groups]
    with (machine.disk / "console.log").open("w") as console:
        subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console, check=True)


def wait(machine: Machine) -> None:
    """Wait until sshd answers. Raises LabError with the end of the console when it does not."""
    deadline = time.monotonic() + BOOT_SECONDS
    while not _answers(machine.address):
        if time.monotonic() > deadline:
            console = machine.disk / "console.log"
            output = tail(console.read_text(errors="replace"))
            raise LabError(
                f"{machine.name} should answer on {machine.address}:{SSH_PORT} within {BOOT_SECONDS:.0f} s\n{output}",
                hint=f"Its whole console is in {console}.",
            )
        time.sleep(0.05)


def _answers(address: str) -> bool:
    try:
        with socket.create_connection((address, SSH_PORT), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def allow_watchers() -> None:
    """systemd, containerd and kubelet watch files; the machine counts the watchers of all hosts together, for root."""
    if int(WATCHERS.read_text()) < ENOUGH_WATCHERS:
        WATCHERS.write_text(f"{ENOUGH_WATCHERS}\n")


def kill(machine: Machine) -> None:
    """Pull the plug: the network stops, and every process is killed. The disk stays.

    In this order: as long as it has a network, a kernel closes the connections of killed processes, so that the other
    ends notice it immediately. The other ends of a machine without power have to wait.
    """
    network.detach(machine.network, machine.name)
    cgroups.kill(machine.group)
    cgroups.remove(machine.group)


def leader(machine: Machine) -> int:
    """The process id, on this machine, of the host's systemd. Raises LabError when the host is off."""
    for process in sorted(cgroups.processes(machine.group)):
        try:
            status = Path(f"/proc/{process}/status").read_text()
        except OSError:
            continue
        ids = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
        # Two ids: here and on the host. The first process of a pod on it is number 1 too, but one level deeper.
        if len(ids) == 2 and ids[1] == "1":
            return process
    raise LabError(f"{machine.name} is off", hint=f"python -m tests.lab start {machine.name}")


def execute(machine: Machine, script: str) -> str:
    """Run a shell script as root on the host, without SSH, and return its output.

    nsenter gives it this machine's capabilities, so the one that no namespace confines is dropped, as in boot.sh.
    """
    without_clock = ["setpriv", "--bounding-set", "-sys_time", "--"]
    return run([*without_clock, "nsenter", "--target", str(leader(machine)), "--all", "/bin/sh", "-euc", script])


def send(machine: Machine, source: Path, place: str) -> None:
    """Copy a directory into the running host, without SSH; root owns the copy."""
    packed = subprocess.Popen(["tar", "--create", "--directory", source, "."], stdout=subprocess.PIPE)
    target = Path(f"/proc/{leader(machine)}/root") / place.lstrip("/")
    target.mkdir(parents=True, exist_ok=True)
    with packed:
        unpack = ["tar", "--extract", "--no-same-owner", "--directory", str(target)]
        unpacked = subprocess.run(unpack, stdin=packed.stdout, capture_output=True, text=True)
    if packed.returncode or unpacked.returncode:
        raise LabError(f"{source} was not copied to {place} on {machine.name}: {unpacked.stderr.strip()}")
