"""Connection tests, which a worker carries out, and the practice machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from pydantic import ValidationError

from clusters.config.schema import Host
from clusters.config.yaml.tree import Refused
from clusters.config.yaml.values import read_value
from clusters.errors import ConfigError
from clusters.models import Probe
from clusters.runs.access.logins import versions_of
from clusters.runs.documents import read_document
from clusters.runs.jobs.probes import spec_digest, waiting_stages
from clusters.services.audit import allowed, audited

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.contrib.auth.models import User

    from clusters.models import Cluster


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
