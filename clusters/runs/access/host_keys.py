"""PinnedKeys: the accepted host keys of a cluster, for `clusters.remote`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection

from clusters.errors import InstallerError
from clusters.models import HostKey
from clusters.remote.auth.host_keys import PinnedKey

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from clusters.config.schema import Host


class OtherKey(InstallerError):
    """A person accepts a key, but a different one was shown, or pinned, in the meantime. Nothing is pinned."""

    def __init__(self, place: str, accepted: str, instead: str) -> None:
        request = f"You accept {accepted} for {place}" if accepted else f"The request names no fingerprint for {place}"
        super().__init__(
            f"No key was accepted. {request}, but the key there is now {instead}.",
            hint="Compare the second fingerprint with the machine's own before you accept it. If they differ,"
            " another machine answers at this address.",
        )


class PinnedKeys:
    """The keys at the time of its creation; a missing one is looked up again. Safe for any thread.

    Otherwise each of a run's many threads would need a database connection for this alone.
    """

    def __init__(self, cluster_id: int) -> None:
        self._cluster_id = cluster_id
        rows = HostKey.objects.filter(cluster_id=cluster_id)
        self._known = {(row.address, row.port): PinnedKey(row.key_type, row.key, row.fingerprint) for row in rows}

    def lookup(self, address: str, port: int) -> PinnedKey | None:
        """The key pinned for that address, if there is one."""
        known = self._known.get((address, port))
        if known is not None:
            return known
        # SSH threads call this and end; a connection opened for this call would stay open with nobody to close it.
        is_new = connection.connection is None
        try:
            row = HostKey.objects.filter(cluster_id=self._cluster_id, address=address, port=port).first()
        finally:
            if is_new:
                connection.close()
        return PinnedKey(row.key_type, row.key, row.fingerprint) if row else None


def shown_key(offered: dict[str, Any], host: Host) -> tuple[str, int, PinnedKey]:
    """Address, port and key that a connection test received: a jump host's if it names a place, else the machine's."""
    key = PinnedKey(offered["key_type"], offered["key"], offered["fingerprint"])
    return offered.get("address", host.ssh_address.strip()), offered.get("port", host.port), key


def pin_first(cluster_id: int, address: str, port: int, offered: PinnedKey, *, by: User | None) -> None:
    """Store a key for a place that had none when it was shown. Raises OtherKey when the place has another one now."""
    place = {"cluster_id": cluster_id, "address": address, "port": port}
    # One statement: a key that somebody else accepts at this moment is not replaced.
    known, _is_new = HostKey.objects.get_or_create(**place, defaults=_stored(offered, by))
    if (known.key_type, known.key) != (offered.key_type, offered.key):
        raise OtherKey(f"{address}:{port}", offered.fingerprint, f"{known.fingerprint}, which somebody has accepted")


def pin(cluster_id: int, address: str, port: int, offered: PinnedKey, *, by: User | None) -> None:
    """Store the key, replacing an earlier one."""
    HostKey.objects.update_or_create(cluster_id=cluster_id, address=address, port=port, defaults=_stored(offered, by))


def _stored(offered: PinnedKey, by: User | None) -> dict[str, Any]:
    key = {"key_type": offered.key_type, "key": offered.key, "fingerprint": offered.fingerprint}
    return {**key, "accepted_by": by}
