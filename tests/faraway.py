"""A machine behind a network cable: an sshd in a separate network namespace, whose link can be cut."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.missing import cannot_be_had
from tests.sshd import Sshd, make_keys, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Faraway:
    """The machine and its cable; a cut gives no signal to either side."""

    sshd: Sshd
    namespace: str

    @property
    def address(self) -> str:
        """Where it is."""
        return self.sshd.addresses[0]

    def cut(self) -> None:
        """Drop all packets from now on."""
        _ip("-n", self.namespace, "link", "set", "cable", "down")

    def mend(self) -> None:
        """Forward packets again."""
        _ip("-n", self.namespace, "link", "set", "cable", "up")


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


@contextmanager
def far_away() -> Iterator[Faraway]:
    """The machine, until the block ends."""
    pid = os.getpid()
    name, link, net = f"slipway-far-{pid}", f"far{pid % 10**8}", f"10.213.{pid % 250}"
    with tempfile.TemporaryDirectory(prefix="slipway-far-") as place:
        directory = Path(place)
        directory.chmod(0o755)
        _ip("netns", "add", name)
        try:
            _ip("link", "add", link, "type", "veth", "peer", "name", "cable", "netns", name)
            _ip("addr", "add", f"{net}.1/30", "dev", link)
            _ip("link", "set", link, "up")
            _ip("-n", name, "addr", "add", f"{net}.2/30", "dev", "cable")
            _ip("-n", name, "link", "set", "cable", "up")
            # Without it a cut cable is noticed within seconds, since nothing answers ARP; a firewall gives no sign.
            (cable,) = json.loads(_ip("-n", name, "-j", "link", "show", "cable"))
            _ip("neigh", "replace", f"{net}.2", "lladdr", cable["address"], "dev", link, "nud", "permanent")
            inside = ("ip", "netns", "exec", name)
            sshd = Sshd(directory, 22, "root", "", make_keys(directory), addresses=(f"{net}.2",), inside=inside)
            sshd.start()
            try:
                yield Faraway(sshd, name)
            finally:
                sshd.stop()
        finally:
            _ip("netns", "delete", name)


@pytest.fixture
def faraway() -> Iterator[Faraway]:
    """A machine that can be cut off; skipped where network namespaces are impossible, but not where CI is set."""
    reason = why_not()
    if not reason:
        name = f"slipway-far-try-{os.getpid()}"
        tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        reason = tried.stderr.strip()
    if reason:
        cannot_be_had(f"a machine behind a cable cannot be had: {reason}")
    with far_away() as made:
        yield made
