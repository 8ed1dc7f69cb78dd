"""Targets of a document's machines: with the jump host that applies to each, and the agent if allowed."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings

from clusters.config.direct import direct_addresses
from clusters.config.jump_hosts import reached
from clusters.remote.connection.networks import Networks
from clusters.remote.target import target_of

if TYPE_CHECKING:
    from clusters.config.schema import Document, Host
    from clusters.remote.target import Target


def agent_socket() -> str | None:
    """The socket of this process's SSH agent, "" without an agent, None if not allowed (SLIPWAY_SSH_AGENT)."""
    return os.environ.get("SSH_AUTH_SOCK", "") if settings.SLIPWAY_SSH_AGENT else None


def allowed_networks() -> Networks:
    """The networks to which this server may connect for people in a browser (SLIPWAY_ALLOWED_NETWORKS)."""
    return Networks.of(settings.SLIPWAY_ALLOWED_NETWORKS)


def webhook_networks() -> Networks:
    """The networks allowed for webhooks: SLIPWAY_WEBHOOK_NETWORKS, or those of the machines when that is empty."""
    own = settings.SLIPWAY_WEBHOOK_NETWORKS
    return Networks.of(own, "SLIPWAY_WEBHOOK_NETWORKS") if own else allowed_networks()


def target_for(document: Document, host: Host, *, from_terminal: bool = False) -> Target:
    """How this process logs in to a machine of the document.

    A user at the terminal may connect to any address, others only to the allowed networks. Raises ConfigError when
    the jump host cannot be read.
    """
    target = target_of(reached(document, host), agent_socket(), None if from_terminal else allowed_networks())
    return replace(target, direct=direct_addresses(document))
