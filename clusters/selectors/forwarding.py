"""forwards(): where the audit is forwarded to, how far each receiver is, and when it last accepted entries."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from clusters.addresses import host_of
from clusters.models import AuditForward
from clusters.runs.notify.audit_forwarding import forward_channels
from clusters.selectors.audit import audit_head


@dataclass(frozen=True, slots=True)
class Forward:
    """One receiver. `where` holds only what a page may show; `waiting` counts the entries it has not received."""

    way: str
    title: str
    where: str
    waiting: int
    state: AuditForward

    @property
    def shown_state(self) -> str:
        """The state on pages: forwarding has failed permanently, is being retried, works, or was never tried."""
        if self.state.given_up:
            return "failed"
        if self.state.tries:
            return "warning"
        return "ok" if self.state.worked_at else "waiting"


def forwards() -> list[Forward]:
    """Every configured receiver."""
    known = {state.way: state for state in AuditForward.objects.all()}
    count, _hash = audit_head()
    # The address of a webhook is often a secret itself.
    where = {
        AuditForward.Way.SYSLOG: settings.SLIPWAY_AUDIT_SYSLOG,
        AuditForward.Way.WEBHOOK: host_of(settings.SLIPWAY_AUDIT_WEBHOOK_URL),
    }
    found = []
    for way in forward_channels():
        state = known.get(way.value) or AuditForward(way=way)
        found.append(Forward(way.value, str(way.label), where[way], max(0, count - state.position), state))
    return found
