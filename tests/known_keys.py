"""Pinned host keys in memory, for tests that connect without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusters.remote.auth.host_keys import PinnedKey


class InMemoryKeys:
    """Pinned keys for the lifetime of the process."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, int], PinnedKey] = {}

    def lookup(self, address: str, port: int) -> PinnedKey | None:
        """The key pinned for that address, if there is one."""
        return self._keys.get((address, port))

    def pin(self, address: str, port: int, key: PinnedKey) -> None:
        """Store the key, replacing an earlier one."""
        self._keys[address, port] = key
