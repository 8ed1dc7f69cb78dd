"""What every network plugin is judged by. A plugin's file imports these tests, beside its PLUGIN and its LAYOUT.

UNSUPPORTED of that file has upstream's tests that the plugin does not pass: expression for their names -> reason.
"""

from __future__ import annotations

import json
import re
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance import suite
from tests.conformance.cluster import kubeconfig
from tests.ha.installed import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.ha.installed import Installed

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.66.1"
PORT = 8080
SECONDS = 60
"""Within which a plugin has to do what it was asked for."""
POLICIES = "Feature:NetworkPolicy && !Feature:SCTPConnectivity"
"""Labels of upstream's tests; those of SCTP need its kernel module on every node."""
FEWEST = 40
"""1.37 has 46 of them."""


def web(node: str) -> dict[str, Any]:
    """A pod on that node that answers on PORT, and from which others are called."""
    container = {
        "name": "web",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": ["netexec", f"--http-port={PORT}"],
        "readinessProbe": {"httpGet": {"path": "/", "port": PORT}, "periodSeconds": 1},
    }
    metadata = {"name": f"web-{node}", "labels": {"app": "web", "at": node}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": node, "containers": [container]},
    }


def service(node: str) -> dict[str, Any]:
    """A service whose one pod is that node's."""
    spec = {"selector": {"at": node}, "ports": [{"port": 80, "targetPort": PORT}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"web-{node}"}, "spec": spec}


def only_from(labels: dict[str, str] | None, to: str) -> dict[str, Any]:
    """A policy for the pod of a node: pods with these labels may call it, with None nobody."""
    rules = [] if labels is None else [{"from": [{"podSelector": {"matchLabels": labels}}]}]
    spec = {"podSelector": {"matchLabels": {"at": to}}, "policyTypes": ["Ingress"], "ingress": rules}
    metadata = {"name": "judged"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def apply(cluster: Installed, *objects: dict[str, Any]) -> None:
    """Have these objects in the cluster."""
    cluster.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def address(cluster: Installed, node: str) -> str:
    """The address of the pod on that node, once it is ready; else nothing."""
    status = cluster.kubectl_json("get", "pod", f"web-{node}")["status"]
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", ()))
    return str(status["podIP"]) if ready else ""


def reaches(cluster: Installed, node: str, target: str) -> bool:
    """Whether the pod on that node can connect to `address:port`."""
    script = f"if /agnhost connect --timeout=2s {target} >/dev/null 2>&1; then echo yes; else echo no; fi"
    answer = cluster.kubectl("exec", f"web-{node}", "--", "sh", "-c", script).strip()
    assert answer in ("yes", "no"), answer
    return answer == "yes"


def serves(cluster: Installed, there: str, at: str, node: str) -> bool:
    """Whether a node gets the answer of that web server at the address of its service."""
    return cluster.lab.execute(node, f"curl -sf -m 5 http://{at}/hostname || true").strip() == f"web-{there}"


@pytest.fixture(scope="module")
def addresses(cluster: Installed) -> dict[str, str]:
    """A web server on each worker, with a service: node -> address of its pod."""
    workers = cluster.layout.worker
    apply(cluster, *(web(node) for node in workers), *(service(node) for node in workers))
    for node in workers:
        wait_until(partial(address, cluster, node), 120, f"the pod on {node}")
    return {node: address(cluster, node) for node in workers}


def test_every_node_is_ready(cluster: Installed) -> None:
    assert cluster.ready_nodes() == {*cluster.layout.master, *cluster.layout.worker}


def test_pods_of_different_nodes_reach_each_other(cluster: Installed, addresses: dict[str, str]) -> None:
    assert len(addresses) > 1
    for here in addresses:
        for there, at in addresses.items():
            wait_until(partial(reaches, cluster, here, f"{at}:{PORT}"), SECONDS, f"{there} to answer {here}")


def test_services_answer_pods_and_nodes(cluster: Installed, addresses: dict[str, str]) -> None:
    """A pod's own service is among them: its packets come back to where they were sent from."""
    for there in addresses:
        at = cluster.kubectl_json("get", "service", f"web-{there}")["spec"]["clusterIP"]
        for here in addresses:
            wait_until(partial(reaches, cluster, here, f"{at}:80"), SECONDS, f"{there}'s service for {here}")
        for node in (*cluster.layout.master, *cluster.layout.worker):
            wait_until(partial(serves, cluster, there, at, node), SECONDS, f"{there}'s service for {node}")


def test_a_policy_denies_and_allows(cluster: Installed, addresses: dict[str, str]) -> None:
    here, there, *_ = addresses
    target = f"{addresses[there]}:{PORT}"
    assert reaches(cluster, here, target)
    apply(cluster, only_from(None, there))
    wait_until(lambda: not reaches(cluster, here, target), SECONDS, "the policy to deny")
    apply(cluster, only_from({"may": "call"}, there))
    time.sleep(2)
    assert not reaches(cluster, here, target), "a pod without the label is let in"
    cluster.kubectl("label", "pod", f"web-{here}", "may=call")
    wait_until(lambda: reaches(cluster, here, target), SECONDS, "the policy to allow")
    assert not reaches(cluster, here, f"{addresses[there]}:{PORT + 1}")
    cluster.kubectl("label", "pod", f"web-{here}", "may-")
    wait_until(lambda: not reaches(cluster, here, target), SECONDS, "the policy to deny again")
    cluster.kubectl("delete", "networkpolicy", "judged")
    wait_until(lambda: reaches(cluster, here, target), SECONDS, "pods without a policy to be reached")


def test_a_second_run_changes_nothing(cluster: Installed) -> None:
    assert "nothing changed" in cluster.create()


def test_upstreams_tests_of_network_policies_pass(
    cluster: Installed,
    conformance_suite: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    figure: Callable[[str], None],
) -> None:
    unsupported: dict[str, str] = request.module.UNSUPPORTED
    (tmp_path / "kubectl").symlink_to(cluster.place / "kubectl")
    began = time.monotonic()
    settings = kubeconfig(cluster, tmp_path)
    outcomes = suite.run(conformance_suite, settings, tmp_path, skip="|".join(unsupported), labels=POLICIES)
    assert [f"{each.name}: {each.reason}" for each in outcomes if each.state == "failed"] == []
    assert len(outcomes) >= FEWEST - len(unsupported)
    assert not [each.name for each in outcomes if any(re.search(known, each.name) for known in unsupported)]
    figure(f"{len(outcomes)} of upstream's tests of network policies in {time.monotonic() - began:.0f} s")
