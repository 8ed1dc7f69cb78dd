"""Machines for the bench of the engine: separate sshd processes, each on its own loopback address."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests.sshd import Sshd, free_port, make_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# No connection may be refused because many arrive at the same time.
EXTRA = "MaxSessions 64\nMaxStartups 500:30:1000"


@contextmanager
def machines(place: Path, count: int) -> Iterator[list[Sshd]]:
    """So many machines, which share their keys. Needs root: logins are as a root user without a shell profile."""
    place.chmod(0o755)
    keys = make_keys(place)
    with ExitStack() as held:
        user = held.enter_context(quick_root())
        port = free_port()
        found = []
        for number in range(1, count + 1):
            directory = place / str(number)
            directory.mkdir()
            for path in (*place.glob("host_*_key*"), *place.glob("client*"), place / "authorized_keys"):
                shutil.copy2(path, directory)
            sshd = Sshd(directory, port, user, "", keys, EXTRA, (f"127.0.1.{number}",))
            held.callback(sshd.stop)
            sshd.start()
            found.append(sshd)
        yield found


@contextmanager
def quick_root() -> Iterator[str]:
    """Another name for root, with a plain shell: the profile of root itself may take a second for each command."""
    name = f"slipway-bench-{os.getpid()}-{secrets.token_hex(2)}"
    subprocess.run(
        ["useradd", "-o", "-u", "0", "-g", "0", "-M", "-d", "/nonexistent", "-s", "/bin/sh", name], check=True
    )
    try:
        yield name
    finally:
        # Only the entry: everything that root runs belongs to this user, too.
        subprocess.run(["userdel", "-f", name], check=False, capture_output=True)
