"""First sight: which machines show a host key that nobody has accepted yet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string

from clusters.config.jump_hosts import reached
from clusters.remote.probe import JUMP
from clusters.runs.access.host_keys import OtherKey, PinnedKeys, shown_key

if TYPE_CHECKING:
    from clusters.config.schema import Document, Host
    from clusters.remote.auth.host_keys import PinnedKey


# Machines that the command asks for their keys at the same time.
LOOKS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Sight:
    """What was shown on the way to one machine: a key to ask about, or trouble (no answer, a changed key), or neither.

    `address` and `port` say who showed it.
    """

    host: Host
    offered: PinnedKey | None = None
    trouble: str = ""
    address: str = ""
    port: int = 22

    @property
    def of_jump_host(self) -> bool:
        """Whether the key is that of a jump host on the way, so that the machine itself was not seen yet."""
        return bool(self.address) and (self.address, self.port) != (self.host.ssh_address.strip(), self.host.port)


def look_at_keys(cluster_id: int, document: Document) -> list[Sight]:
    """Ask every machine of the document for its key, some at once, for a person at this server's terminal."""
    known = PinnedKeys(cluster_id)

    def look(host: Host) -> Sight:
        said: dict[str, dict[str, Any]] = {}
        try:
            way = reached(document, host)
            probe = import_string(settings.SLIPWAY_PROBE)
            probe(way, known, lambda stage: said.__setitem__(stage["name"], stage), from_terminal=True)
        finally:
            connections.close_all()
        for name in (JUMP, "hostkey"):
            if said.get(name, {}).get("state") == "ask":
                address, port, key = shown_key(said[name]["offered"], host)
                return Sight(host, key, address=address, port=port)
        for name in (JUMP, "reach", "hostkey"):
            if said.get(name, {}).get("state") == "failed":
                return Sight(host, trouble=f"{said[name]['message']} {said[name]['hint']}".strip())
        return Sight(host)  # its key is known, and whatever else is wrong the run will say

    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        return list(pool.map(look, document.hosts))


def one_key_a_place(seen: list[Sight]) -> list[tuple[Sight, PinnedKey]]:
    """The keys to ask about, each place once: one jump host is on the way to many machines.

    Raises OtherKey when it showed different keys on the way to different ones.
    """
    places: dict[tuple[str, int], tuple[Sight, PinnedKey]] = {}
    for sight in seen:
        if sight.offered is None:
            continue
        _first, key = places.setdefault((sight.address, sight.port), (sight, sight.offered))
        if key != sight.offered:
            raise OtherKey(f"{sight.address}:{sight.port}", key.fingerprint, sight.offered.fingerprint)
    return list(places.values())
