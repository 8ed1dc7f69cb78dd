"""Targets of a document's machines: with the jump host that counts for each, and the agent if one may be used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.conf import settings

from clusters.config.jump_hosts import reached
from clusters.remote.connection.networks import Networks
from clusters.remote.target import target_of

if TYPE_CHECKING:
    from clusters.config.schema import Document, Host
    from clusters.remote.target import Target


def agent_socket() -> str | None:
    """Where this process's SSH agent listens, "" when it has none, None when it may not use it (SLIPWAY_SSH_AGENT)."""
    return os.environ.get("SSH_AUTH_SOCK", "") if settings.SLIPWAY_SSH_AGENT else None


def allowed_networks() -> Networks:
    """Where this server may connect to for people in a browser (SLIPWAY_ALLOWED_NETWORKS)."""
    return Networks.of(settings.SLIPWAY_ALLOWED_NETWORKS)


def webhook_networks() -> Networks:
    """Where webhooks may be: SLIPWAY_WEBHOOK_NETWORKS, or the networks of the machines when that is empty."""
    own = settings.SLIPWAY_WEBHOOK_NETWORKS
    return Networks.of(own, "SLIPWAY_WEBHOOK_NETWORKS") if own else allowed_networks()


def target_for(document: Document, host: Host, *, from_terminal: bool = False) -> Target:
    """How this process logs in to a machine of the document.

    Who sits at the terminal reaches whatever this server reaches, others the allowed networks. Raises ConfigError when
    the jump host cannot be read.
    """
    return target_of(reached(document, host), agent_socket(), None if from_terminal else allowed_networks())
