"""kubectl with the administrator's rights, on a control plane machine."""

from __future__ import annotations

from clusters.catalog.paths import ADMIN_CONF, BIN, KUBELET_CONF
from clusters.config.syntax import in_url
from clusters.remote.shell import Command, Value, sh


def kubectl(arguments: str, *values: Value | Command) -> Command:
    """A kubectl command; values fill the `{}` of `arguments` and are quoted. Answers within 20 s or fails."""
    return sh("{}/kubectl --kubeconfig {} --request-timeout 20s {}", BIN, ADMIN_CONF, sh(arguments, *values))


def api_server_is_ready(address: str, port: int) -> Command:
    """Asks one API server, with a node's own rights and trusting the cluster's authority only, whether it is ready."""
    return sh(
        "{}/kubectl --kubeconfig {} --server https://{}:{} --request-timeout 3s get --raw /readyz",
        BIN,
        KUBELET_CONF,
        in_url(address),
        port,
    )
