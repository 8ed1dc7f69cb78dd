"""Host key scan: which machines show a host key that nobody has accepted yet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string

from clusters.config.jump_hosts import reached
from clusters.remote.probe import JUMP
from clusters.runs.access.pinned_host_keys import OtherKey, PinnedKeys, shown_key

if TYPE_CHECKING:
    from clusters.config.schema import Document, Host
    from clusters.remote.auth.host_keys import PinnedKey


# Machines that are asked for their keys at the same time.
AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class ShownKey:
    """The result for one machine: a key to ask about, or trouble (no answer, a changed key), or neither.

    `address` and `port` are where the key was shown.
    """

    host: Host
    offered: PinnedKey | None = None
    trouble: str = ""
    address: str = ""
    port: int = 22

    @property
    def of_jump_host(self) -> bool:
        """Whether the key is that of a jump host on the route, so that the machine itself was not reached yet."""
        return bool(self.address) and (self.address, self.port) != (self.host.ssh_address.strip(), self.host.port)


def scan_host_keys(cluster_id: int, document: Document) -> list[ShownKey]:
    """Ask every machine of the document for its key, some at once, for a person at this server's terminal."""
    known = PinnedKeys(cluster_id)

    def scan(host: Host) -> ShownKey:
        stages: dict[str, dict[str, Any]] = {}
        try:
            route = reached(document, host)
            probe = import_string(settings.SLIPWAY_PROBE)
            probe(route, known, lambda stage: stages.__setitem__(stage["name"], stage), from_terminal=True)
        finally:
            connections.close_all()
        for name in (JUMP, "hostkey"):
            if stages.get(name, {}).get("state") == "ask":
                address, port, key = shown_key(stages[name]["offered"], host)
                return ShownKey(host, key, address=address, port=port)
        for name in (JUMP, "reach", "hostkey"):
            if stages.get(name, {}).get("state") == "failed":
                return ShownKey(host, trouble=f"{stages[name]['message']} {stages[name]['hint']}".strip())
        return ShownKey(host)  # its key is known; the run will report any other problem

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(scan, document.hosts))


def one_key_per_place(results: list[ShownKey]) -> list[tuple[ShownKey, PinnedKey]]:
    """The keys to ask about, each place once: one jump host may lead to many machines.

    Raises OtherKey when it showed different keys for different machines.
    """
    places: dict[tuple[str, int], tuple[ShownKey, PinnedKey]] = {}
    for result in results:
        if result.offered is None:
            continue
        _first, key = places.setdefault((result.address, result.port), (result, result.offered))
        if key != result.offered:
            raise OtherKey(f"{result.address}:{result.port}", key.fingerprint, result.offered.fingerprint)
    return list(places.values())
