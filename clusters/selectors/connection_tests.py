"""Connection tests as the wizard shows them: one row per machine, marked when it tested other credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusters.models import HostKey, Probe
from clusters.runs.access.logins import versions_of
from clusters.runs.documents import read_document
from clusters.runs.jobs.probes import spec_digest, waiting_stages

if TYPE_CHECKING:
    from datetime import datetime

    from clusters.config.schema import Document
    from clusters.models import Cluster


@dataclass(frozen=True, slots=True)
class ProbeView:
    """One machine's newest test. `state` is untested, waiting, running, ok, failed or ask.

    `offered` holds key_type, key and fingerprint of a host key that needs confirmation (and address and port when it is
    a jump host's), `pinned` the fingerprint that was accepted before; `stale` means that the machine's row was edited
    after the test.
    """

    host: str
    state: str
    stages: list[dict[str, str]]
    offered: dict[str, Any]
    facts: dict[str, Any]
    stale: bool = False
    asked_at: datetime | None = None
    finished_at: datetime | None = None
    pinned: str = ""

    @property
    def over(self) -> bool:
        """Whether the test has ended, so that the page need not poll."""
        return self.state not in ("waiting", "running")


def probes_of(cluster: Cluster, document: Document | None = None) -> list[ProbeView]:
    """A row for each machine of the document, in its order; machines never tested have the state "untested"."""
    rows = {probe.host: probe for probe in Probe.objects.filter(cluster=cluster)}
    pinned = _pinned_keys(cluster) if rows else {}
    views = []
    document = document or read_document(cluster.document)
    versions = versions_of(document)
    for host in document.hosts:
        row = rows.get(host.name)
        if row is None:
            views.append(ProbeView(host.name, "untested", waiting_stages(document, host), {}, {}))
            continue
        stale = row.spec_digest != spec_digest(document, host, versions)
        place = (row.offered.get("address", host.ssh_address.strip()), row.offered.get("port", host.port))
        known = pinned.get(place, "")
        times = (row.asked_at, row.finished_at)
        views.append(ProbeView(host.name, row.state, row.stages, row.offered, row.facts, stale, *times, known))
    return views


def _pinned_keys(cluster: Cluster) -> dict[tuple[str, int], str]:
    """(address, port) -> the fingerprint that somebody accepted."""
    keys = HostKey.objects.filter(cluster=cluster).values_list("address", "port", "fingerprint")
    return {(address, port): fingerprint for address, port, fingerprint in keys}
