"""finish/ready, finish/handover: every node is Ready and DNS runs; the cluster is handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.catalog import dns_pods, load_balancers
from clusters.catalog.answers import object_of
from clusters.catalog.kubeconfig import LARGEST, rebuild_kubeconfig
from clusters.catalog.kubectl import kubectl
from clusters.catalog.paths import ADMIN_CONF
from clusters.catalog.rollout import all_ready, is_ready
from clusters.config.plugins import is_left_to_the_user, names
from clusters.config.syntax import in_url
from clusters.engine.step import step
from clusters.engine.wants import Sight, eventually, sight_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.config.secret import Secret
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.host import Result


BEFORE = (
    "kubernetes/labels",
    "kubernetes/control-plane",
    "kubernetes/kubelet-config",
    "kubernetes/proxy",
    "kubernetes/dns",
    *(f"network/{each}" for each in names()),
    "endpoint/own",
    *load_balancers.LAST,
)
"""The steps that end on every machine before the cluster is handed over."""
BESIDE = ("kubernetes/proxy",)
"""Those of them that only wait for pods themselves: nodes and DNS are waited for at the same time."""


def has_plugin(document: Document) -> bool:
    """Whether Slipway installs a network plugin, so that nodes can become ready."""
    return not is_left_to_the_user(document.network.plugin)


@step(
    "finish/ready",
    on="first-control-plane",
    needs_all=tuple(each for each in BEFORE if each not in BESIDE),
    when=has_plugin,
    timeout=300,
    expected=20,
)
def ready(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Wait until every node is ready and DNS runs"""
    wanted = {each.name for each in cluster.members("master") + cluster.members("worker")}
    yield eventually(f"all {len(wanted)} nodes are Ready", lambda here: all_ready(here, wanted), within=180, every=1)
    yield dns_pods.spread()
    yield eventually("the cluster's DNS runs", _dns_runs, within=120, every=1)


@step(
    "finish/handover",
    on="first-control-plane",
    needs=("finish/ready",),
    needs_all=(*BEFORE, "finish/eviction"),
    expected=1,
)
def handover(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """List the nodes and hand over the cluster's kubeconfig"""
    listed: list[dict[str, Any]] = []

    def look(here: Machine) -> Sight:
        answer = here.ask(kubectl("get nodes -o json"))
        listed[:] = nodes(answer) if answer.ok else []
        return sight_of(answer)

    yield eventually("the API server lists its nodes", look, within=60, every=1)
    cluster.observe("nodes", listed)
    cluster.deliver("kubeconfig", kubeconfig(machine, cluster))


def nodes(answer: Result) -> list[dict[str, Any]]:
    """The nodes in an answer of the API server, as pages show them."""
    return [
        {
            "name": item["metadata"]["name"],
            "ready": is_ready(item),
            "roles": sorted(
                label.partition("/")[2]
                for label in item["metadata"].get("labels", {})
                if label.startswith("node-role.kubernetes.io/")
            ),
            "version": item["status"]["nodeInfo"]["kubeletVersion"],
            "runtime": item["status"]["nodeInfo"]["containerRuntimeVersion"],
            "os": item["status"]["nodeInfo"]["osImage"],
            "address": next(
                (each["address"] for each in item["status"]["addresses"] if each["type"] == "InternalIP"), ""
            ),
        }
        for item in object_of(answer, "the nodes")["items"]
    ]


def kubeconfig(machine: Machine, cluster: Cluster) -> Secret:
    """The administrator's kubeconfig. Its server is the endpoint's address: only the nodes can resolve the domain.

    With externalDNS every client can resolve the domain, and only the domain leads to more than one control plane. From
    the machine's own file only certificates and the key are used.
    """
    endpoint = cluster.document.control_plane_endpoint
    server = f"https://{endpoint.domain if endpoint.external_dns else in_url(cluster.endpoint)}:{endpoint.port}"
    return rebuild_kubeconfig(
        machine.read(ADMIN_CONF, most=LARGEST) or b"",
        server=server,
        cluster=cluster.document.kubernetes.cluster_name,
        where=f"{ADMIN_CONF} on {machine.name}",
    )


def _dns_runs(machine: Machine) -> Sight:
    answer = machine.ask(kubectl("get deployment coredns -n kube-system -o json"))
    if not answer.ok:
        return sight_of(answer)
    found = object_of(answer, "the DNS pods")
    has, wants = found["status"].get("availableReplicas", 0), found["spec"]["replicas"]
    return Sight(has >= wants, f"{has} of {wants} DNS pods run")
