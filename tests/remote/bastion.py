"""A jump host for tests: a second real sshd before the first, with a user of its own who has no shell there."""

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
"""What its sshd says of a login."""


@dataclass
class Bastion:
    """A jump host `server` before the machine `behind`."""

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
        """What the jump host's sshd has said."""
        return (self.server.directory / "log").read_text()

    def said(self, words: str, since: str = "") -> int:
        """How often its sshd has said that, since the log was `since`; waits a moment for the first time."""
        deadline = time.monotonic() + 60
        while not (found := re.findall(words, self.log()[len(since) :])) and time.monotonic() < deadline:
            time.sleep(0.02)
        return len(found)

    def left(self, within: float = 60) -> bool:
        """Whether nobody is logged in to it any more, or soon."""
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
