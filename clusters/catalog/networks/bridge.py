"""The network plugin "bridge": a bridge on each node, routes between nodes, no image. Nodes must share a subnet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusters.catalog import runtimes
from clusters.catalog.answers import object_of
from clusters.catalog.kubectl import kubectl
from clusters.catalog.plugins import Plugin
from clusters.config.syntax import address_of, parts_of
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Wanted, directory, file, service, so_if
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

NAME = "bridge"
CONFIG = "/etc/cni/net.d/10-slipway-bridge.conflist"
SCRIPT = "/usr/local/lib/slipway/pod-routes"
UNIT = "/etc/systemd/system/slipway-pod-routes.service"
RANGES_WITHIN = 30.0
"""Seconds in which new nodes get their pod addresses."""

PLUGIN = Plugin(NAME, sends_directly=lambda document: True, interfaces=("cni",))


@step(
    "network/bridge-first",
    on="first-control-plane",
    needs=("kubernetes/init",),
    when=PLUGIN.chosen,
    expected=1,
)
def bridge_first(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Configure pod addresses on the first control plane"""
    # The cluster's DNS may run there, so it starts while other machines join instead of after them.
    yield directory("/etc/cni/net.d")
    yield file(CONFIG, conflist(ranges_of(machine, cluster, {machine.name})[machine.name]))


@step(
    "network/bridge",
    on="kubernetes",
    needs=(*runtimes.STEPS, "network/bridge-first"),
    needs_all=("kubernetes/control-plane", "kubernetes/join", "kubernetes/join-control-plane"),
    when=PLUGIN.chosen,
    expected=4,
)
def bridge(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Connect pods by a bridge and routes between nodes"""
    families = families_of(machine, cluster)
    others = len(families[0].routes)
    yield directory("/etc/cni/net.d")
    yield directory("/usr/local/lib/slipway")
    yield file(SCRIPT, script(families), mode=0o755)
    yield file(UNIT, UNIT_TEXT)
    yield service("slipway-pod-routes", restart_for=(SCRIPT, UNIT))
    yield _routed(others)
    yield file(CONFIG, conflist(tuple(family.own for family in families)))


@dataclass(frozen=True, slots=True)
class Family:
    """The pods' network of one IP family on a node: its own part, the whole, and address -> part of the others."""

    own: str
    pods: str
    routes: Mapping[str, str]

    @property
    def number(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.pods else 4


def families_of(machine: Machine, cluster: Cluster) -> tuple[Family, ...]:
    """IPv4, and IPv6 where the document has both."""
    ranges = pod_ranges(machine, cluster)
    others = [each for each in cluster.members("master") + cluster.members("worker") if each.name != machine.name]
    return tuple(
        Family(
            own=ranges[machine.name][place],
            pods=pods,
            routes={_written(each.addresses[place]): ranges[each.name][place] for each in others},
        )
        for place, pods in enumerate(parts_of(cluster.document.network.kube_pods_cidr))
    )


def _written(address: str) -> str:
    """As the machine itself will print it: an IPv6 address has many forms."""
    return str(address_of(address) or address)


def pod_ranges(machine: Machine, cluster: Cluster) -> Mapping[str, tuple[str, ...]]:
    """Node name -> the pod CIDRs that the control plane assigned to it, for all nodes."""
    wanted = {each.name for each in cluster.members("master") + cluster.members("worker")}
    return cluster.once("pod-ranges", lambda: ranges_of(machine, cluster, wanted))


def ranges_of(machine: Machine, cluster: Cluster, wanted: set[str]) -> Mapping[str, tuple[str, ...]]:
    """The same for these nodes; waits half a minute until new ones have theirs. Raises NotReached."""
    first = cluster.first("master", machine)
    kinds = len(parts_of(cluster.document.network.kube_pods_cidr))
    known: dict[str, tuple[str, ...]] = {}
    silent = ""
    for _ in first.looks(RANGES_WITHIN, every=1):
        answer = first.ask(kubectl("get nodes -o json"))
        items = object_of(answer, "the nodes")["items"] if answer.ok else []
        silent = "" if answer.ok else " ".join(answer.last_lines(1)) or f"exit code {answer.exit_code}"
        known = {item["metadata"]["name"]: _ranges(item["spec"]) for item in items}
        if all(len(known.get(name, ())) >= kinds for name in wanted):
            return known
    if silent:
        raise NotReached(f"The API server does not report which pod addresses nodes have: {silent}", retryable=True)
    missing = sorted(name for name in wanted if len(known.get(name, ())) < kinds)
    raise NotReached(
        f"The control plane did not assign pod addresses to {', '.join(missing)}.",
        hint="Is network.kubePodsCIDR large enough for all nodes (kubernetes.nodeCidrMaskSize each)?",
    )


def _ranges(spec: Mapping[str, Any]) -> tuple[str, ...]:
    only = spec.get("podCIDR", "")
    return tuple(spec.get("podCIDRs") or ([only] if only else []))


def conflist(own: tuple[str, ...]) -> str:
    """The CNI configuration. The script does the masquerading, so that pods keep their address between nodes."""
    plugins = [
        {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipMasq": False,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": each}] for each in own],
                "routes": [{"dst": "::/0" if ":" in each else "0.0.0.0/0"} for each in own],
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return json.dumps({"cniVersion": "0.4.0", "name": "slipway-bridge", "plugins": plugins}, indent=2) + "\n"


def script(families: tuple[Family, ...]) -> str:
    """The script that sets routes to the other nodes' pods and removes those to nodes that are gone, accepts pods'
    packets, and masquerades packets that leave the pods' network. It is idempotent; with `check` it only prints what
    is missing."""
    return SCRIPT_TEXT.format(families="\n".join(_of_one_kind(family) for family in families))


def _of_one_kind(family: Family) -> str:
    wanted = "".join(f"{cidr} via {address}\n" for address, cidr in sorted(family.routes.items()))
    rules = [
        sh("nat POSTROUTING -s {} ! -d {} -m comment --comment slipway-pods -j MASQUERADE", family.own, family.pods)
    ]
    rules += [
        sh("filter FORWARD {} {} -m comment --comment slipway-pods -j ACCEPT", each, family.pods)
        for each in ("-s", "-d")
    ]
    lines = [sh("routes {} {} {}", family.number, family.pods, wanted.strip())]
    lines += [sh("rule {} {}", "ip6tables" if family.number == 6 else "iptables", rule) for rule in rules]
    return "\n".join(line.text for line in lines)


def _routed(others: int) -> Want:
    """The script has run, and its changes are still there."""

    def act(machine: Machine) -> None:
        machine.do(sh("{}", SCRIPT))

    return Wanted(f"routes lead to the pods of {others} other nodes and to no more", so_if(sh("{} check", SCRIPT)), act)


SCRIPT_TEXT = """#!/bin/sh
# Written by Slipway; changes are overwritten by its next run.
set -eu
check() {{ [ "$1" = check ]; }}
mode=${{1:-set}}

# IPv4 or IPv6, the pods' network, and the routes to the other nodes' parts of it.
routes() {{
  pods=$2; wanted=$3
  # Routes inside the pods' network through a node: each is wanted, or its node is gone.
  ip -$1 route show root $pods | grep ' via ' | while read -r cidr _ gateway rest; do
    if ! printf '%s\\n' "$wanted" | grep -qxF "$cidr via $gateway"; then
      if check $mode; then echo "an old route to $cidr via $gateway remains"; exit 1; fi
      ip -$1 route del $cidr via $gateway
    fi
  done
  printf '%s\\n' "$wanted" | while read -r cidr via gateway; do
    [ -n "$cidr" ] || continue
    if ! check $mode; then
      ip -$1 route replace $cidr via $gateway
    elif ! ip -$1 route show $cidr | grep -q " via $gateway "; then
      echo "the route to $cidr via $gateway is missing"; exit 1
    fi
  done
}}

rule() {{
  tool=$1; table=$2; chain=$3; shift 3
  if ! $tool -w 10 -t $table -C $chain "$@" 2>/dev/null; then
    if check $mode; then echo "a rule in $chain is missing"; exit 1; fi
    $tool -w 10 -t $table -A $chain "$@"
  fi
}}

{families}
"""

UNIT_TEXT = f"""# Written by Slipway; changes are overwritten by its next run.
[Unit]
Description=Routes to the pods of other nodes
After=network-online.target
Wants=network-online.target
Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={SCRIPT}

[Install]
WantedBy=multi-user.target
"""
