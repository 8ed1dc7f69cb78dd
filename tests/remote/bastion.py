"""A jump host for tests: a second real sshd in front of the first, with a user who has no shell there."""

from __future__ import annotations

import re
import secrets
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.config.secret import Secret
from clusters.remote.connection.gateways import Gateways
from clusters.remote.ssh import SshHost
from tests.proc import descendants_of
from tests.sshd import running_sshd, user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.remote.target import Target
    from tests.known_keys import InMemoryKeys
    from tests.sshd import Sshd

LOGIN = r"Accepted \w+ for slipway-jump-"
"""What its sshd logs about a login."""


@dataclass
class Bastion:
    """A jump host `server` in front of the machine `behind`."""

    server: Sshd
    behind: Sshd
    gateways: Gateways = field(default_factory=Gateways)

    def hop(self, **changes: object) -> Target:
        """How to log in to the jump host."""
        port = changes.get("port", self.server.port)
        return self.server.target(**({"name": f"the jump host 127.0.0.1:{port}", "is_jump": True} | changes))

    def target(self, *, via: Target | None = None, **changes: object) -> Target:
        """How to log in to the machine, through the jump host."""
        return self.behind.target(**({"via": via or self.hop()} | changes))

    def known(self) -> InMemoryKeys:
        """Pinned keys with both servers'."""
        known = self.behind.known()
        known.pin("127.0.0.1", self.server.port, self.server.key)
        return known

    def host(self, target: Target | None = None, **patience: float) -> SshHost:
        """The machine behind it."""
        return SshHost(target or self.target(), self.known(), gateways=self.gateways, **patience)

    def log(self) -> str:
        """The log of the jump host's sshd."""
        return (self.server.directory / "log").read_text()

    def count(self, words: str, since: str = "") -> int:
        """How often its sshd has logged that, since the log was `since`; waits a moment for the first time."""
        deadline = time.monotonic() + 60
        while not (found := re.findall(words, self.log()[len(since) :])) and time.monotonic() < deadline:
            time.sleep(0.02)
        return len(found)

    def left(self, within: float = 60) -> bool:
        """Whether all logins to it have ended, or end soon."""
        deadline = time.monotonic() + within
        while self._sessions() and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self._sessions()

    def _sessions(self) -> list[int]:
        return descendants_of(self.server.process.pid) if self.server.process is not None else []


@contextmanager
def bastion_before(behind: Sshd, extra: str = "") -> Iterator[Bastion]:
    """A jump host for as long as the block lasts; `extra` are lines of its sshd_config."""
    name, password = f"slipway-jump-{secrets.token_hex(3)}", secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="slipway-jump-") as place:
        Path(place).chmod(0o755)
        shell = "/usr/sbin/nologin"
        with user(name, password=password, shell=shell), running_sshd(Path(place), name, password, extra) as server:
            bastion = Bastion(server, behind)
            assert bastion.hop().password == Secret(password)
            yield bastion
