"""What all clients of a web process together may take of it: memory for bodies, live sockets, open files."""

from __future__ import annotations

import resource
from collections import Counter

BODIES_BYTES = 48 * 1024 * 1024
"""Bodies above 64 KB that are in memory at the same time, of everybody together. Each takes three to four times its
size until its request is answered."""
LATE_SECONDS = 15
"""A body whose client has gone away is let go so much later: until then its request may still wait for its turn."""
SOCKETS = 256
SOCKETS_OF_ONE_CLIENT = 32
"""Live sockets of a web process, and of one person, or an address where nobody is signed in: a tab with a run has 1."""
FILES = 8192
"""Open files that are asked for: connections, sockets, and files of the database need one each. Systems often allow
1,024 where more may be had."""


class Budget:
    """An amount of something."""

    def __init__(self, most: int) -> None:
        self.left = most

    def take(self, amount: int) -> bool:
        """Whether there was so much left; then it is taken."""
        if amount > self.left:
            return False
        self.left -= amount
        return True

    def give(self, amount: int) -> None:
        """It is no longer needed."""
        self.left += amount


class Places:
    """Places that clients take, with a limit for each and for all."""

    def __init__(self, most: int = SOCKETS, of_one: int = SOCKETS_OF_ONE_CLIENT) -> None:
        self._most, self._of_one = most, of_one
        self._taken: Counter[str] = Counter()

    def take(self, client: str) -> bool:
        """Whether there was one for this client; then it is taken."""
        if self._taken[client] >= self._of_one or self._taken.total() >= self._most:
            return False
        self._taken[client] += 1
        return True

    def give(self, client: str) -> None:
        """One is free again."""
        self._taken[client] -= 1
        self._taken += Counter()


def allow_more_files() -> None:
    """Have as many open files as the system allows, up to FILES."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
