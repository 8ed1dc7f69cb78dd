"""Debian's archive as this machine already uses it: programs the lab needs, sources and packages to take apart."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import progress
from tests.lab.commands import LabError, run
from tests.lab.recipe import locked

if TYPE_CHECKING:
    from collections.abc import Sequence

RELEASE = "bookworm"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
NEEDED = (
    "debian-archive-keyring",
    "dpkg-dev",
    "gcc",
    "golang-go",
    "iproute2",
    "libc6-dev",
    "libseccomp-dev",
    "make",
    "mmdebstrap",
    "openssh-client",
    "pkg-config",
    "rsync",
    "systemd-container",
    "util-linux",
)
# Another apt on this machine may be at work for a while; waiting beats failing.
APT = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=600", "-o", "APT::Sandbox::User=root")


def missing() -> list[str]:
    """Packages the lab needs and this machine has not."""
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *NEEDED], capture_output=True, text=True
    )
    present = {line.split()[0] for line in asked.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in NEEDED if name not in present]


def install_needed(cache: Path) -> None:
    """Install what is missing on this machine, with apt-get."""
    wanted = missing()
    if not wanted:
        return
    log = cache / "logs" / "packages.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with progress.step(f"packages {' '.join(wanted)}", 30):
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        run([*APT, "update"], log=log, env=environment)
        run([*APT, "install", "--no-install-recommends", *wanted], log=log, env=environment)


def archive() -> str:
    """The address of the Debian archive this machine takes its packages from."""
    ask = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Codename: {RELEASE}"]
    addresses = run(ask).split()
    if not addresses:
        run([*APT, "update"])
        addresses = run(ask).split()
    if not addresses:
        raise LabError(
            f"apt knows no archive of Debian {RELEASE}",
            hint=f"The lab is built on a Debian {RELEASE} machine: add its archive to /etc/apt/sources.list.d.",
        )
    return addresses[0]


def source_line(kind: str = "deb", release: str = RELEASE) -> str:
    """One line of a sources list for the archive, `deb` or `deb-src`."""
    return f"{kind} [signed-by={KEYRING}] {archive()} {release} main"


def _private_apt(cache: Path) -> list[str]:
    """apt-get with a sources list and an index of the lab's own, so that the machine's stay as they are."""
    home = cache / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "sources.list").write_text(f"{source_line('deb')}\n{source_line('deb-src')}\n")
    settings = {
        "Dir::Etc::sourcelist": home / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": home / "lists",
        "Dir::Cache": home / "cache",
    }
    return [*APT, *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]


def download_source(name: str, into: Path, *, cache: Path, log: Path) -> Path:
    """Fetch a source package, checked by apt's signatures; returns its upstream tar ball."""
    with locked(cache / "locks" / "apt.lock"):
        apt = _private_apt(cache)
        run([*apt, "update"], log=log)
        run([*apt, "source", "--download-only", name], cwd=into, log=log)
    found = sorted(into.glob(f"{name}_*.orig.tar.*"))
    if not found:
        raise LabError(f"the source package {name} brought no upstream tar ball into {into}")
    return found[0]


def unpack(names: Sequence[str], into: Path, *, cache: Path, log: Path) -> dict[str, str]:
    """Fetch binary packages and unpack them below `into` without installing them; returns their versions."""
    debs = into / ".debs"
    debs.mkdir(parents=True)
    with locked(cache / "locks" / "apt.lock"):
        apt = _private_apt(cache)
        run([*apt, "update"], log=log)
        run([*apt, "download", *names], cwd=debs, log=log)
    versions = {}
    for deb in sorted(debs.glob("*.deb")):
        name, version = run(["dpkg-deb", "--show", "--showformat", "${Package} ${Version}", deb]).split()
        run(["dpkg-deb", "--extract", deb, into], log=log)
        versions[name] = version
        deb.unlink()
    debs.rmdir()
    return versions
