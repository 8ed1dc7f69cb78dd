"""PinnedKeys: the host keys that somebody accepted for a cluster, as `clusters.remote` asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection

from clusters.errors import InstallerError
from clusters.models import HostKey
from clusters.remote.auth.host_keys import PinnedKey

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from clusters.config.schema import Host


class OtherKey(InstallerError):
    """A person accepts a key, and another one than that was shown, or pinned, in the meantime. Nothing is pinned."""

    def __init__(self, place: str, accepted: str, instead: str) -> None:
        yes = f"You accept {accepted} for {place}" if accepted else f"The request names no fingerprint for {place}"
        super().__init__(
            f"No key was accepted. {yes}, and the key there is now {instead}.",
            hint="Compare the second fingerprint with the machine's own before you accept that one. Where it differs"
            " there, too, another machine answers at this address.",
        )


class PinnedKeys:
    """The keys as they were at its making; one that was missing is looked up anew. Any thread may ask.

    Each of an installation's many threads would else need a connection to the database for this alone.
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
        # Threads of SSH ask here and end; a connection that was made for this would stay open with nobody to close it.
        passing = connection.connection is None
        try:
            row = HostKey.objects.filter(cluster_id=self._cluster_id, address=address, port=port).first()
        finally:
            if passing:
                connection.close()
        return PinnedKey(row.key_type, row.key, row.fingerprint) if row else None


def shown_key(offered: dict[str, Any], host: Host) -> tuple[str, int, PinnedKey]:
    """Address, port and key of what a connection test was shown: a jump host's says where, else it is the machine's."""
    key = PinnedKey(offered["key_type"], offered["key"], offered["fingerprint"])
    return offered.get("address", host.ssh_address.strip()), offered.get("port", host.port), key


def pin_first(cluster_id: int, address: str, port: int, offered: PinnedKey, *, by: AbstractBaseUser | None) -> None:
    """Remember a key where none was known when it was shown. Raises OtherKey when another one is by now."""
    place = {"cluster_id": cluster_id, "address": address, "port": port}
    # One statement: a key that somebody else accepts in this moment is not replaced.
    known, _is_new = HostKey.objects.get_or_create(**place, defaults=_stored(offered, by))
    if (known.key_type, known.key) != (offered.key_type, offered.key):
        raise OtherKey(f"{address}:{port}", offered.fingerprint, f"{known.fingerprint}, which somebody has accepted")


def pin(cluster_id: int, address: str, port: int, offered: PinnedKey, *, by: AbstractBaseUser | None) -> None:
    """Remember the key, replacing the one before."""
    HostKey.objects.update_or_create(cluster_id=cluster_id, address=address, port=port, defaults=_stored(offered, by))


def _stored(offered: PinnedKey, by: AbstractBaseUser | None) -> dict[str, Any]:
    key = {"key_type": offered.key_type, "key": offered.key, "fingerprint": offered.fingerprint}
    return {**key, "accepted_by": by}
