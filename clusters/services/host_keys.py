"""Host keys that a user has seen and accepts: pinned for the cluster, and audited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from clusters.models import HostKey, Probe
from clusters.runs.access.logins import versions_of
from clusters.runs.access.pinned_host_keys import OtherKey, pin, pin_first, shown_key
from clusters.runs.documents import read_document
from clusters.runs.jobs.probes import spec_digest
from clusters.services.audit import allowed, audited
from clusters.services.connection_tests import probes_start

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.contrib.auth.models import User

    from clusters.models import Cluster
    from clusters.remote.auth.host_keys import PinnedKey


@transaction.atomic
def host_keys_accept(*, actor: User | None, cluster: Cluster, seen: Mapping[str, str]) -> None:
    """Pin keys and test again. `seen` has the fingerprint that the user saw, by machine.

    The key is that of the machine, or of the jump host before it, from the last test. Raises OtherKey, and pins
    nothing, when the last test of one of them got a different key than the user saw.
    """
    allowed(actor, cluster)
    document = read_document(cluster.document)
    versions = versions_of(document)
    accepted, pinned = [], []
    # Locked, so that two users who accept the same keys at once pin them once.
    offers = Probe.objects.select_for_update().filter(cluster=cluster, host__in=list(seen)).exclude(offered={})
    for probe in offers.order_by("pk"):
        host = document.host(probe.host)
        if host is None or spec_digest(document, host, versions) != probe.spec_digest:
            continue  # the row was edited after the test: the key belongs to a different machine
        address, port, key = shown_key(probe.offered, host)
        if seen[probe.host] != key.fingerprint:
            raise OtherKey(f"{host.name} ({address}:{port})", seen[probe.host], key.fingerprint)
        accepted.append((host.name, address, port, key))
    for _name, address, port, key in accepted:
        before = HostKey.objects.filter(cluster=cluster, address=address, port=port).first()
        if before is not None and before.key == key.key:
            continue  # a jump host's key, just accepted for another machine behind it
        pin(cluster.pk, address, port, key, by=actor)
        pinned.append((address, port, key, before))
    if accepted:
        probes_start(actor=actor, cluster=cluster, hosts=[name for name, *_ in accepted])
    for address, port, key, before in pinned:
        _audit_key(actor, cluster, address, port, key, before)


@transaction.atomic
def host_keys_pin(*, actor: User | None, cluster: Cluster, keys: Sequence[tuple[str, int, PinnedKey]]) -> None:
    """Pin unknown keys, by address and port, that the actor has seen in a terminal.

    Raises OtherKey, and pins nothing, when a different key was pinned for one of them meanwhile.
    """
    allowed(actor, cluster)
    for address, port, key in keys:
        pin_first(cluster.pk, address, port, key, by=actor)
    for address, port, key in keys:
        _audit_key(actor, cluster, address, port, key, None)


def _audit_key(
    actor: User | None, cluster: Cluster, address: str, port: int, key: PinnedKey, before: HostKey | None
) -> None:
    replaced = before.fingerprint if before is not None else ""
    details: dict[str, Any] = {"cluster": cluster.pk, "fingerprint": key.fingerprint, "replaced": replaced}
    audited(actor, "hostkey.accept", f"{address}:{port}", **details)
