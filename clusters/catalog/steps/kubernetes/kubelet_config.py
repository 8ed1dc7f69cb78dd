"""kubernetes/kubelet-config: running kubelets get the configuration that the cluster currently stores for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from clusters.catalog.answers import object_of
from clusters.catalog.kubectl import kubectl
from clusters.catalog.paths import KUBELET_CONF
from clusters.catalog.steps.kubernetes.stored_configuration import (
    config_map,
    kubelet_map,
    stored_kubelet_configuration,
)
from clusters.catalog.turns import in_turn
from clusters.config.yaml.values import read_value
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted
from clusters.numbers import moment, whole_number
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

CONFIG = "/var/lib/kubelet/config.yaml"
DUE = "/var/lib/kubelet/slipway-restart-is-due"
"""The previous configuration, or empty where there was none. It exists from before the change until kubelet is healthy
with the new one: if the connection breaks in between, only the machine has what to restore."""
OF_THE_MACHINE = ("resolvConf", "containerRuntimeEndpoint", "imageServiceEndpoint")
"""Settings that kubeadm finds out on each machine, independent of the cluster's configuration."""
WELL_WITHIN = 180.0
SHARE_AT_ONCE = 10
"""One out of this many kubelets restarts at a time; pods keep running."""


@step(
    "kubernetes/kubelet-config",
    on="kubernetes",
    needs_all=("kubernetes/control-plane", "kubernetes/join", "kubernetes/join-control-plane"),
    timeout=1800,
    expected=1,
)
def kubelet_config(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Apply the document to each kubelet"""
    nodes = {each.name for each in cluster.members("master") + cluster.members("worker")}
    at_once = max(1, len(nodes) // SHARE_AT_ONCE)
    yield in_turn(_configured(cluster), cluster, "the change of kubelet's configuration", at_once=at_once)


def _configured(cluster: Cluster) -> Wanted:
    def look(machine: Machine) -> Sight:
        if machine.only_looks and not (stored := _stored(machine, cluster)).so:
            # kubernetes/init of the run stores another configuration first.
            return Sight(False, f"kubelet gets another configuration: {stored.found}")
        wanted = _wanted(machine, cluster)
        if _here(machine) != wanted:
            return Sight(False, f"{CONFIG} differs from the cluster's configuration")
        due = machine.ask(sh("test -e {}", DUE)).ok
        return Sight(not due, "kubelet has not restarted since its configuration changed" if due else "")

    def act(machine: Machine) -> None:
        wanted = _wanted(machine, cluster)
        before = machine.read(DUE)
        if before is None:
            before = machine.read(CONFIG) or b""
            machine.put(before, DUE)
        machine.note(f"writing {CONFIG} and restarting kubelet; pods keep running")
        machine.put(yaml.safe_dump(wanted, sort_keys=False).encode(), CONFIG)
        since = _restart(machine)
        if not _well_since(since, machine, cluster):
            log = _last_log_line(machine, since)
            after = _restore(machine, cluster, before)
            raise NotReached(
                f"kubelet on {machine.name} did not become healthy with its new configuration. {after} Its log: {log}",
                hint="Correct kubeletConfiguration in the document, then retry.",
            )
        machine.do(sh("rm -f {}", DUE), shared=True)

    return Wanted("kubelet runs with the configuration that the cluster stores", look, act)


def _restore(machine: Machine, cluster: Cluster, before: bytes) -> str:
    """Restore the previous configuration, if there is one; returns a sentence on the outcome."""
    if not before:
        return "The previous one is unknown, so it was not restored."
    machine.put(before, CONFIG)
    if _well_since(_restart(machine), machine, cluster):
        return "The previous one was restored, and kubelet runs with it."
    return "The previous one was restored, but kubelet is not healthy with it either."


def _wanted(machine: Machine, cluster: Cluster) -> dict[str, Any]:
    """The cluster's configuration with this machine's own settings."""
    name, key = kubelet_map(cluster.document)

    def read() -> dict[str, Any]:
        found = config_map(cluster.first("master", machine), name)
        return _parsed((found or {}).get("data", {}).get(key, ""), f"The cluster's ConfigMap {name}")

    shared = cluster.once("kubelet-configuration", read)
    if not shared:
        raise NotReached(f"The cluster has no configuration for kubelets in {name}.", hint="Retry the run.")
    here = _here(machine)
    own = {key: here[key] for key in OF_THE_MACHINE if key in here}
    return {**{key: value for key, value in shared.items() if key not in OF_THE_MACHINE or key in own}, **own}


def _stored(machine: Machine, cluster: Cluster) -> Sight:
    first = cluster.first("master", machine)
    return cluster.once("stored-kubelet-configuration", lambda: stored_kubelet_configuration(first, cluster))


def _here(machine: Machine) -> dict[str, Any]:
    return _parsed(machine.read(CONFIG) or b"", f"{CONFIG} on {machine.name}")


def _parsed(text: str | bytes, where: str) -> dict[str, Any]:
    found = read_value(text, where)
    return found if isinstance(found, dict) else {}


def _restart(machine: Machine) -> int:
    """Restart kubelet; returns the machine's time before, in seconds since the epoch."""
    now = machine.ask(sh("date +%s")).stdout.strip()
    since = whole_number(now)
    if since is None:
        # Without the time, a heartbeat from before the restart would count as one after it.
        raise NotReached(f"{machine.name} does not report its time; found: {now or 'nothing'}.", retryable=True)
    machine.do(sh("systemctl restart kubelet"), check=False)
    return since


def _well_since(since: int, machine: Machine, cluster: Cluster) -> bool:
    """Whether the API server has a heartbeat from it after that time, and its node is Ready."""
    first = cluster.first("master", machine)
    for _ in machine.looks(WELL_WITHIN, every=1.0):
        node = first.ask(kubectl("get node {} -o json", machine.name))
        if node.ok and _ready_since(object_of(node, f"the node {machine.name}"), since) and machine.ask(_ACTIVE).ok:
            return True
        if machine.ask(_EXITS_REPEATEDLY).ok:
            return False
    return False


def _last_log_line(machine: Machine, since: int) -> str:
    """Why it exited: its last fatal line."""
    wanted = r"^F[0-9]{4} |^E[0-9]{4} .*(command failed|failed to run)"
    journal = machine.ask(
        sh("journalctl -u kubelet --since {} -o cat --no-pager | grep -E {} | tail -n 1", f"@{since}", wanted)
    )
    return " ".join(journal.last_lines(1)) or f"nothing; see journalctl -u kubelet on {machine.name}"


_EXITS_REPEATEDLY = sh(
    "systemctl is-failed --quiet kubelet || [ $(systemctl show -p NRestarts kubelet | cut -d= -f2) -ge 3 ] 2>/dev/null"
)
_ACTIVE = sh("systemctl is-active --quiet kubelet && test -s {}", KUBELET_CONF)


def _ready_since(node: dict[str, Any], since: int) -> bool:
    """kubelet reports its state and the time, by its own clock, when it starts."""
    for each in node.get("status", {}).get("conditions", ()):
        if each["type"] == "Ready":
            reported_at = moment(str(each["lastHeartbeatTime"]))
            return each["status"] == "True" and reported_at is not None and reported_at.timestamp() >= since
    return False
