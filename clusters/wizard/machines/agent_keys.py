"""Keys of the SSH agent in forms: offered only if the server's settings allow it or a machine already uses one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clusters.wizard.core.fields import text

if TYPE_CHECKING:
    from django import forms


def agent_text() -> forms.CharField:
    """The field for a key of the agent."""
    return text(
        gettext_lazy("Key of the agent"),
        gettext_lazy("A fingerprint (SHA256:…) or a comment, as ssh-add -l prints it. Empty: any key of the agent."),
        mono=True,
    )


def agent_kind(*, used: bool) -> list[tuple[str, str]]:
    """The choice of a login by the agent, if allowed; a login in use stays available."""
    if settings.SLIPWAY_SSH_AGENT:
        return [("agent", _("Key of the SSH agent of this server"))]
    return [("agent", _("Key of the SSH agent (not allowed: SLIPWAY_SSH_AGENT)"))] if used else []
