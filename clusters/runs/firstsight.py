"""First sight: which machines show a host key that nobody has accepted yet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string

from clusters.remote.hostkeys import PinnedKey
from clusters.runs.keys import PinnedKeys
from clusters.runs.probing import MACHINES_AT_ONCE

if TYPE_CHECKING:
    from clusters.config.schema import Document, Host


@dataclass(frozen=True, slots=True)
class Sight:
    """What one machine showed: a key to ask about, or trouble (no answer, a changed key), or neither."""

    host: Host
    offered: PinnedKey | None = None
    trouble: str = ""

    @property
    def address(self) -> str:
        """Where it was looked for."""
        return self.host.ssh_address.strip()


def look_at_keys(cluster_id: int, document: Document) -> list[Sight]:
    """Ask every machine of the document for its key, twenty at once."""
    known = PinnedKeys(cluster_id)

    def look(host: Host) -> Sight:
        said: dict[str, dict[str, Any]] = {}
        try:
            import_string(settings.SLIPWAY_PROBE)(host, known, lambda stage: said.__setitem__(stage["name"], stage))
        finally:
            connections.close_all()
        key = said.get("hostkey", {})
        if key.get("state") == "ask":
            return Sight(host, PinnedKey(**key["offered"]))
        for name in ("reach", "hostkey"):
            if said.get(name, {}).get("state") == "failed":
                return Sight(host, trouble=f"{said[name]['message']} {said[name]['hint']}".strip())
        return Sight(host)

    with ThreadPoolExecutor(MACHINES_AT_ONCE) as pool:
        return list(pool.map(look, document.hosts))
