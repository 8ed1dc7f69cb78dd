"""What all clients of a web process together may use of it: memory for bodies, live sockets, open files."""

from __future__ import annotations

import resource
from collections import Counter

BODIES_BYTES = 48 * 1024 * 1024
"""The total size of bodies above 64 KB that are in memory at the same time. Each needs three to four times its size
until its request is answered."""
LATE_SECONDS = 15
"""A body whose client has disconnected is released this much later: until then its request may wait for its turn."""
SOCKETS = 256
SOCKETS_OF_ONE_CLIENT = 32
"""Live sockets of a web process, and of one user, or of an address without a login; a tab with a run has one."""
FILES = 8192
"""The limit for open files to request: connections, sockets, and files of the database need one each. Systems often
default to 1,024 but allow more."""


class Budget:
    """An amount of something."""

    def __init__(self, most: int) -> None:
        self.left = most

    def take(self, amount: int) -> bool:
        """Take the amount if so much is left; returns whether it was."""
        if amount > self.left:
            return False
        self.left -= amount
        return True

    def give(self, amount: int) -> None:
        """Return the amount."""
        self.left += amount


class Places:
    """Places for clients, with a limit per client and for all."""

    def __init__(self, most: int = SOCKETS, of_one: int = SOCKETS_OF_ONE_CLIENT) -> None:
        self._most, self._of_one = most, of_one
        self._busy: Counter[str] = Counter()

    def take(self, client: str) -> bool:
        """Take a place for this client; returns whether there was one."""
        if self._busy[client] >= self._of_one or self._busy.total() >= self._most:
            return False
        self._busy[client] += 1
        return True

    def give(self, client: str) -> None:
        """Free a place of this client."""
        self._busy[client] -= 1
        self._busy += Counter()


def allow_more_files() -> None:
    """Allow as many open files as the system permits, up to FILES."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
