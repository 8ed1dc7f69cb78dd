"""The network plugin "bridge": a bridge on each node and routes between nodes. Needs no image; nodes share a subnet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from clusters.catalog import runtimes
from clusters.catalog.kubectl import kubectl
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Wanted, directory, file, service, so_if
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

NAME = "bridge"
CONFIG = "/etc/cni/net.d/10-slipway-bridge.conflist"
SCRIPT = "/usr/local/lib/slipway/pod-routes"
UNIT = "/etc/systemd/system/slipway-pod-routes.service"


def chosen(document: Document) -> bool:
    """Whether the document asks for this plugin."""
    return document.network.plugin == NAME


@step(
    "network/bridge-first",
    on="first-control-plane",
    needs=("kubernetes/init",),
    when=chosen,
    expected=1,
)
def bridge_first(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Give pods on the first control plane their addresses"""
    # The cluster's DNS may run there, so it starts while other machines join instead of after them.
    yield directory("/etc/cni/net.d")
    yield file(CONFIG, conflist(ranges_of(machine, cluster, {machine.name})[machine.name]))


@step(
    "network/bridge",
    on="kubernetes",
    needs=(*runtimes.STEPS, "network/bridge-first"),
    needs_all=("kubernetes/init", "kubernetes/join", "kubernetes/join-control-plane"),
    when=chosen,
    expected=4,
)
def bridge(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Connect pods by a bridge and routes between nodes"""
    ranges = pod_ranges(machine, cluster)
    routes = {
        each.address: ranges[each.name]
        for each in cluster.members("master") + cluster.members("worker")
        if each.name != machine.name
    }
    yield directory("/etc/cni/net.d")
    yield directory("/usr/local/lib/slipway")
    yield file(SCRIPT, script(ranges[machine.name], cluster.document.network.kube_pods_cidr, routes), mode=0o755)
    yield file(UNIT, UNIT_TEXT)
    yield service("slipway-pod-routes", restart_for=(SCRIPT, UNIT))
    yield _routed(routes)
    yield file(CONFIG, conflist(ranges[machine.name]))


def pod_ranges(machine: Machine, cluster: Cluster) -> Mapping[str, str]:
    """Node name -> the pod CIDR the control plane gave it, for all nodes."""
    wanted = {each.name for each in cluster.members("master") + cluster.members("worker")}
    return cluster.once("pod-ranges", lambda: ranges_of(machine, cluster, wanted))


def ranges_of(machine: Machine, cluster: Cluster, wanted: set[str]) -> Mapping[str, str]:
    """The same for these nodes; waits half a minute for new ones to get theirs. Raises NotReached."""
    first = cluster.first("master", machine)
    known: dict[str, str] = {}
    for _ in range(30):
        answer = first.ask(kubectl("get nodes -o json"))
        items = json.loads(answer.stdout)["items"] if answer.ok else []
        known = {item["metadata"]["name"]: item["spec"].get("podCIDR", "") for item in items}
        if all(known.get(name) for name in wanted):
            return known
        first.pause(1)
    missing = sorted(name for name in wanted if not known.get(name))
    raise NotReached(
        f"The control plane gave no pod addresses to {', '.join(missing)}.",
        hint="Is network.kubePodsCIDR large enough for all nodes (kubernetes.nodeCidrMaskSize each)?",
    )


def conflist(own: str) -> str:
    """The CNI configuration. Masquerading is done by the script, so that pods keep their address among nodes."""
    plugins = [
        {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipMasq": False,
            "hairpinMode": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": own}]], "routes": [{"dst": "0.0.0.0/0"}]},
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return json.dumps({"cniVersion": "0.4.0", "name": "slipway-bridge", "plugins": plugins}, indent=2) + "\n"


def script(own: str, pods: str, routes: Mapping[str, str]) -> str:
    """Sets routes to the other nodes' pods and removes those to nodes that are gone, lets pods' packets through, and
    hides pods behind the node outside. Doing it again changes nothing; with `check` it only says what is missing."""
    wanted = "".join(f"{cidr} via {address}\n" for address, cidr in sorted(routes.items()))
    rules = [sh("nat POSTROUTING -s {} ! -d {} -m comment --comment slipway-pods -j MASQUERADE", own, pods)]
    rules += [
        sh("filter FORWARD {} {} -m comment --comment slipway-pods -j ACCEPT", each, pods) for each in ("-s", "-d")
    ]
    return SCRIPT_TEXT.format(
        wanted=sh("{}", wanted.strip()).text,
        pods=sh("{}", pods).text,
        rules="\n".join(f"rule {rule.text}" for rule in rules),
    )


def _routed(routes: Mapping[str, str]) -> Want:
    """The script has done its work, and nobody has undone it since."""

    def act(machine: Machine) -> None:
        machine.do(sh("{}", SCRIPT))

    return Wanted(
        f"routes lead to the pods of {len(routes)} other nodes and to no more", so_if(sh("{} check", SCRIPT)), act
    )


SCRIPT_TEXT = """#!/bin/sh
# Written by Slipway; changes are overwritten by its next run.
set -eu
wanted={wanted}
pods={pods}
check() {{ [ "$1" = check ]; }}
mode=${{1:-set}}

# Routes inside the pods' network that go by way of a node: each is wanted, or its node is gone.
ip -4 route show root $pods | grep ' via ' | while read -r cidr _ gateway rest; do
  if ! printf '%s\\n' "$wanted" | grep -qxF "$cidr via $gateway"; then
    if check $mode; then echo "a route to $cidr via $gateway is left"; exit 1; fi
    ip route del $cidr via $gateway
  fi
done
printf '%s\\n' "$wanted" | while read -r cidr via gateway; do
  [ -n "$cidr" ] || continue
  if check $mode; then
    ip -4 route show $cidr | grep -q " via $gateway " || {{ echo "there is no route to $cidr via $gateway"; exit 1; }}
  else
    ip route replace $cidr via $gateway
  fi
done

rule() {{
  table=$1; chain=$2; shift 2
  if ! iptables -w 10 -t $table -C $chain "$@" 2>/dev/null; then
    if check $mode; then echo "a rule in $chain is missing"; exit 1; fi
    iptables -w 10 -t $table -A $chain "$@"
  fi
}}
{rules}
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
