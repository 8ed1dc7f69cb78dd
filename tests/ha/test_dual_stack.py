"""IPv4 and IPv6: machines, pods and services have an address of each, and pods of two nodes connect over both; all
images come from a private registry with a login."""

from __future__ import annotations

import json
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from tests.ha import layouts, private
from tests.ha.application import IMAGE, send_images
from tests.ha.installed import Installed, install, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

NODES = ("node1", "node2")


@pytest.fixture(scope="module")
def cluster(lab: Lab, lab_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Installed once for all tests here, with a web server on each node."""
    place = tmp_path_factory.mktemp("dual")
    lab.down()
    lab.up(layouts.DUAL_STACK.machines)
    with private.with_registry(lab, layouts.DUAL_STACK, lab_bundle, place) as layout:
        installed = install(lab, layout, lab_bundle, place, fresh=False)
        (place / "image").mkdir()
        send_images(installed, NODES, lab_bundle, place / "image")
        items = [web(node) for node in NODES] + [service()]
        installed.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        wait_until(
            lambda: all(len(addresses(installed, node)) == 2 for node in NODES), 120, "two addresses for each pod"
        )
        yield installed


def web(node: str) -> dict[str, Any]:
    """A pod on that node that serves the node's name."""
    script = f"mkdir -p /tmp/web && echo {node} > /tmp/web/index.html && exec httpd -f -p 8080 -h /tmp/web"
    container = {
        "name": "web",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", script],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"web-{node}", "labels": {"app": "web"}},
        "spec": {"nodeName": node, "containers": [container]},
    }


def service() -> dict[str, Any]:
    """A service with an address of each family."""
    spec = {
        "selector": {"app": "web"},
        "ports": [{"port": 80, "targetPort": 8080}],
        "ipFamilyPolicy": "RequireDualStack",
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}


def addresses(cluster: Installed, node: str) -> list[str]:
    """The addresses of the pod on that node, once it is ready."""
    status = cluster.kubectl_json("get", "pod", f"web-{node}")["status"]
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", ()))
    return [each["ip"] for each in status.get("podIPs", ())] if ready else []


def answer_at(cluster: Installed, address: str) -> str:
    """The answer of a web server to a request from node2."""
    return cluster.lab.execute("node2", f"curl -sf -m 5 http://{in_url(address)}/").strip()


def a_node_answers_at(cluster: Installed, address: str) -> bool:
    """Whether a request from node2 to that address gets the answer of a web server."""
    return answer_at(cluster, address) in NODES


def prints(cluster: Installed, on: str, command: str, text: str) -> bool:
    """Whether a command on a machine prints this text alone."""
    return cluster.lab.execute(on, command).strip() == text


def in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def test_nodes_have_both_addresses_and_a_part_of_both_networks(cluster: Installed) -> None:
    assert cluster.ready_nodes() == set(NODES)
    for host in cluster.hosts:
        node = cluster.kubectl_json("get", "node", host.name)
        internal = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
        assert [*map(ip_address, internal)] == [ip_address(host.address), ip_address(host.address6)]
        assert [":" in each for each in node["spec"]["podCIDRs"]] == [False, True]


def test_containerd_pulls_with_a_login_that_no_log_shows(cluster: Installed) -> None:
    private.check_images_and_logins(cluster, "/etc/containerd/config.toml")


def test_pods_reach_each_other_over_both(cluster: Installed) -> None:
    for here, there in (NODES, NODES[::-1]):
        for address in addresses(cluster, there):
            # With the pod's network and the host's curl: Debian's static busybox crashes when it resolves an address.
            pod = "nsenter --net --target $(pgrep -xf 'httpd -f -p 8080 -h /tmp/web')"
            ask = f"{pod} curl -sf -m 5 http://{in_url(address)}:8080/ || true"
            wait_until(partial(prints, cluster, here, ask, there), 60, f"{there} to answer {here} at {address}")


def test_a_service_answers_at_both_of_its_addresses(cluster: Installed) -> None:
    (ipv4, ipv6) = cluster.kubectl_json("get", "service", "web")["spec"]["clusterIPs"]
    assert ":" in ipv6 and ":" not in ipv4
    for address in (ipv4, ipv6):
        wait_until(partial(a_node_answers_at, cluster, address), 30, f"the service to answer at {address}")


def test_a_second_run_changes_nothing_and_a_reboot_loses_no_route(cluster: Installed) -> None:
    assert "nothing changed" in cluster.create()
    route = "ip -6 route show root fd85:ee78::/112"
    cluster.lab.kill("node2")
    cluster.lab.start("node2")
    wait_until(lambda: cluster.ready_nodes() == set(NODES), 180, "node2 to be Ready again")
    # It returns before the API server notices its absence, so Ready does not prove that it works again.
    wait_until(lambda: " via " in cluster.lab.execute("node2", route), 60, "node2 to have its route again")
