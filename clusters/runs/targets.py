"""Targets of a document's machines: with the jump host that counts for each, and the agent if one may be used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.conf import settings

from clusters.config.hops import reached
from clusters.remote.target import target_of

if TYPE_CHECKING:
    from clusters.config.schema import Document, Host
    from clusters.remote.target import Target


def agent_socket() -> str | None:
    """Where this process's SSH agent listens, "" when it has none, None when it may not use it (SLIPWAY_SSH_AGENT)."""
    return os.environ.get("SSH_AUTH_SOCK", "") if settings.SLIPWAY_SSH_AGENT else None


def target_for(document: Document, host: Host) -> Target:
    """How this worker logs in to a machine of the document. Raises ConfigError when its jump host cannot be read."""
    return target_of(reached(document, host), agent_socket())
