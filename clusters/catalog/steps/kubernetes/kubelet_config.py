"""kubernetes/kubelet-config: kubelets that run get the configuration that the cluster keeps for them now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from clusters.catalog.answers import object_of
from clusters.catalog.kubectl import kubectl
from clusters.catalog.paths import KUBELET_CONF
from clusters.catalog.steps.kubernetes.kept import config_map, kubelet_configuration_kept, kubelet_map
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
"""There from before kubelet's configuration is changed until kubelet was seen well with it: the one from before, or
empty where there was none. A connection may break in between, and only the machine knows then what to go back to."""
OF_THE_MACHINE = ("resolvConf", "containerRuntimeEndpoint", "imageServiceEndpoint")
"""What kubeadm finds out on each machine, whatever the cluster keeps."""
WELL_WITHIN = 180.0
SHARE_AT_ONCE = 10
"""One of so many kubelets is started anew at a time; pods go on meanwhile."""


@step(
    "kubernetes/kubelet-config",
    on="kubernetes",
    needs_all=("kubernetes/control-plane", "kubernetes/join", "kubernetes/join-control-plane"),
    timeout=1800,
    expected=1,
)
def kubelet_config(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Bring each kubelet to what the document says"""
    nodes = {each.name for each in cluster.members("master") + cluster.members("worker")}
    yield in_turn(_configured(cluster), cluster, "kubelet's configuration", at_once=max(1, len(nodes) // SHARE_AT_ONCE))


def _configured(cluster: Cluster) -> Wanted:
    def look(machine: Machine) -> Sight:
        if machine.only_looks and not (kept := _kept(machine, cluster)).so:
            # kubernetes/init of the run stores another configuration first.
            return Sight(False, f"kubelet gets another configuration: {kept.found}")
        wanted = _wanted(machine, cluster)
        if _here(machine) != wanted:
            return Sight(False, f"{CONFIG} is not what the cluster keeps")
        due = machine.ask(sh("test -e {}", DUE)).ok
        return Sight(not due, "kubelet was not started anew since its configuration was changed" if due else "")

    def act(machine: Machine) -> None:
        wanted = _wanted(machine, cluster)
        before = machine.read(DUE)
        if before is None:
            before = machine.read(CONFIG) or b""
            machine.put(before, DUE)
        machine.note(f"writing {CONFIG} and starting kubelet anew; pods go on")
        machine.put(yaml.safe_dump(wanted, sort_keys=False).encode(), CONFIG)
        since = _restart(machine)
        if not _well_since(since, machine, cluster):
            said = _last_words(machine, since)
            after = _go_back(machine, cluster, before)
            raise NotReached(
                f"kubelet on {machine.name} did not become healthy with its new configuration. {after} Its log: {said}",
                hint="Correct kubeletConfiguration in the document, then retry.",
            )
        machine.do(sh("rm -f {}", DUE), shared=True)

    return Wanted("kubelet runs with the configuration that the cluster keeps", look, act)


def _go_back(machine: Machine, cluster: Cluster, before: bytes) -> str:
    """Put the configuration from before back, if there is one; says in a sentence what became of that."""
    if not before:
        return "The one from before is not known, so it was not put back."
    machine.put(before, CONFIG)
    if _well_since(_restart(machine), machine, cluster):
        return "It runs with the one from before, which was put back."
    return "The one from before was put back, and kubelet is not healthy with it either."


def _wanted(machine: Machine, cluster: Cluster) -> dict[str, Any]:
    """The cluster's configuration, with what is this machine's own kept."""
    name, key = kubelet_map(cluster.document)

    def read() -> dict[str, Any]:
        found = config_map(cluster.first("master", machine), name)
        return _parsed((found or {}).get("data", {}).get(key, ""), f"The cluster's ConfigMap {name}")

    kept = cluster.once("kubelet-configuration", read)
    if not kept:
        raise NotReached(f"The cluster keeps no configuration for kubelets in {name}.", hint="Retry the run.")
    here = _here(machine)
    own = {key: here[key] for key in OF_THE_MACHINE if key in here}
    return {**{key: value for key, value in kept.items() if key not in OF_THE_MACHINE or key in own}, **own}


def _kept(machine: Machine, cluster: Cluster) -> Sight:
    first = cluster.first("master", machine)
    return cluster.once("kubelet-configuration-kept", lambda: kubelet_configuration_kept(first, cluster))


def _here(machine: Machine) -> dict[str, Any]:
    return _parsed(machine.read(CONFIG) or b"", f"{CONFIG} on {machine.name}")


def _parsed(text: str | bytes, where: str) -> dict[str, Any]:
    found = read_value(text, where)
    return found if isinstance(found, dict) else {}


def _restart(machine: Machine) -> int:
    """Start kubelet anew; gives the machine's time before, in seconds since the epoch."""
    now = machine.ask(sh("date +%s")).stdout.strip()
    since = whole_number(now)
    if since is None:
        # Whatever the API server heard of kubelet before would count as heard after.
        raise NotReached(f"{machine.name} does not say what time it is; found: {now or 'nothing'}.", retryable=True)
    machine.do(sh("systemctl restart kubelet"), check=False)
    return since


def _well_since(since: int, machine: Machine, cluster: Cluster) -> bool:
    """Whether the API server has heard from it after that time, and its node is Ready."""
    first = cluster.first("master", machine)
    for _ in machine.looks(WELL_WITHIN, every=1.0):
        node = first.ask(kubectl("get node {} -o json", machine.name))
        if node.ok and _ready_since(object_of(node, f"the node {machine.name}"), since) and machine.ask(_ACTIVE).ok:
            return True
        if machine.ask(_ENDS_AGAIN_AND_AGAIN).ok:
            return False
    return False


def _last_words(machine: Machine, since: int) -> str:
    """Why it ended: its last fatal line."""
    wanted = r"^F[0-9]{4} |^E[0-9]{4} .*(command failed|failed to run)"
    said = machine.ask(
        sh("journalctl -u kubelet --since {} -o cat --no-pager | grep -E {} | tail -n 1", f"@{since}", wanted)
    )
    return " ".join(said.last_lines(1)) or f"nothing; see journalctl -u kubelet on {machine.name}"


_ENDS_AGAIN_AND_AGAIN = sh(
    "systemctl is-failed --quiet kubelet || [ $(systemctl show -p NRestarts kubelet | cut -d= -f2) -ge 3 ] 2>/dev/null"
)
_ACTIVE = sh("systemctl is-active --quiet kubelet && test -s {}", KUBELET_CONF)


def _ready_since(node: dict[str, Any], since: int) -> bool:
    """kubelet tells its state when it starts, and the time with it, by its own clock."""
    for each in node.get("status", {}).get("conditions", ()):
        if each["type"] == "Ready":
            heard = moment(str(each["lastHeartbeatTime"]))
            return each["status"] == "True" and heard is not None and heard.timestamp() >= since
    return False
