"""Connection tests and host keys: requested here, processed by the worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from pydantic import ValidationError

from clusters.config.schema import Host
from clusters.config.yaml.tree import Refused
from clusters.config.yaml.values import read_value
from clusters.errors import ConfigError
from clusters.models import HostKey, Probe
from clusters.runs.access.host_keys import OtherKey, pin, pin_first, shown_key
from clusters.runs.access.logins import versions_of
from clusters.runs.documents import read_document
from clusters.runs.jobs.probes import spec_digest, waiting_stages
from clusters.services.audit import allowed, audited

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from django.contrib.auth.models import User

    from clusters.models import Cluster
    from clusters.remote.auth.host_keys import PinnedKey


@transaction.atomic
def probes_start(*, actor: User | None, cluster: Cluster, hosts: Collection[str] | None = None) -> None:
    """Request a test of these machines, or of all; tests that are running for them start again."""
    allowed(actor, cluster)
    document = read_document(cluster.document)
    versions = versions_of(document)
    chosen = [host for host in document.hosts if host.name and (hosts is None or host.name in hosts)]
    for host in chosen:
        Probe.objects.update_or_create(
            cluster=cluster,
            host=host.name,
            defaults={
                "state": "waiting",
                "spec_digest": spec_digest(document, host, versions),
                "stages": waiting_stages(document, host),
                "offered": {},
                "facts": {},
                "worker": "",
                "lease_until": None,
                "asked_by": actor,
                "asked_at": timezone.now(),
                "finished_at": None,
            },
        )
    audited(actor, "probe.start", cluster.name, cluster=cluster.pk, hosts=[host.name for host in chosen])


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


def practice_machines() -> tuple[Host, ...]:
    """The machines of SLIPWAY_PRACTICE_FILE: a list of hosts as in the document, or {"hosts": [...]}.

    Raises ConfigError when the file exists but is invalid.
    """
    where = settings.SLIPWAY_PRACTICE_FILE
    if not where or not Path(where).exists():
        return ()
    try:
        found = read_value(Path(where).read_bytes(), where)
        rows = found.get("hosts", ()) if isinstance(found, dict) else found
        return tuple(Host.model_validate(row) for row in rows or ())
    except (OSError, Refused, ValidationError, TypeError) as error:
        raise ConfigError(
            f"The practice machines in {where} cannot be read: expected a list of hosts, found {type(error).__name__}.",
            hint="Write the file again (`make demo` does), or unset SLIPWAY_PRACTICE_FILE.",
        ) from error
