"""kubectl with the administrator's rights, on a control plane machine."""

from __future__ import annotations

from clusters.catalog.paths import ADMIN_CONF, BIN
from clusters.remote.shell import Command, Value, sh


def kubectl(arguments: str, *values: Value | Command) -> Command:
    """A kubectl command; values fill the `{}` of `arguments` and are quoted. Answers within 20 s or fails."""
    return sh("{}/kubectl --kubeconfig {} --request-timeout 20s {}", BIN, ADMIN_CONF, sh(arguments, *values))
