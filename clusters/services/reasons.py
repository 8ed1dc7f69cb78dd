"""Reasons: required to waive anything that blocks an installation, on pages, in the terminal and in code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from clusters.errors import InstallerError

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SHORTEST_REASON = 8
"""In characters: "because" is too short."""
LONGEST_REASON = 500


class NotPossible(InstallerError):
    """The action is not possible now or like this."""


class ReasonMissing(NotPossible):
    """A waiver without a valid reason."""


def given_reason(reason: str, what: str) -> str:
    """The reason in one line. Raises ReasonMissing when it is shorter than SHORTEST_REASON or too long."""
    reason = " ".join(reason.split())
    if len(reason) < SHORTEST_REASON:
        raise ReasonMissing(
            _("A reason is required to waive %(check)s.") % {"check": what},
            hint=_("Explain in a few words why this is acceptable here; it is saved with the run."),
        )
    if len(reason) > LONGEST_REASON:
        raise ReasonMissing(
            _("The reason to waive %(check)s has %(count)s characters; at most %(most)s are allowed.")
            % {"check": what, "count": len(reason), "most": LONGEST_REASON}
        )
    return reason


def accepted(actor: User | None, check: str, title: str, reason: str) -> dict[str, Any]:
    """The record in `Run.accepted` of a finding that was waived by name."""
    by = actor.get_username() if actor is not None else ""
    return {"check": check, "title": title, "reason": reason, "by": by, "at": timezone.now().isoformat()}


def counts(waiver: dict[str, Any]) -> bool:
    """Whether an acknowledgement is valid: for an error only with a reason. Before 2026-11 errors had none."""
    return waiver.get("severity") != "error" or bool(waiver.get("reason"))
