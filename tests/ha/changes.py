"""What really runs on the lab's hosts after a change of the document, read on the hosts and not from the API."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any

from clusters.catalog import pki

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.ha.installed import Installed

AUDIT_POLICY = {
    "rules": [
        {"level": "RequestResponse", "resources": [{"group": "", "resources": ["configmaps"]}]},
        {"level": "None"},
    ]
}
"""An audit policy that records only the content of ConfigMaps, which Slipway's own policy never records."""


def arguments(cluster: Installed, on: str, program: str) -> list[str]:
    """The command line of a program that runs on a host."""
    return cluster.lab.execute(on, f"tr '\\0' ' ' < /proc/$(pgrep -xo {program[:15]})/cmdline").split()


def runs(cluster: Installed, on: str, program: str) -> bool:
    """Whether a program runs on a host."""
    return bool(cluster.lab.execute(on, f"pgrep -x {program[:15]} || true").strip())


def names_served(cluster: Installed, on: str) -> frozenset[str]:
    """The names in the certificate that an API server presents."""
    presented = ssl.get_server_certificate((cluster.host(on).address, cluster.layout.port), timeout=5)
    return pki.names_of(presented.encode())


def proxy_configuration(cluster: Installed, on: str) -> dict[str, Any]:
    """The configuration that kube-proxy on a host reports."""
    text = cluster.lab.execute(on, "curl -sf http://127.0.0.1:10249/configz")
    found: dict[str, Any] = json.loads(text)["kubeproxy.config.k8s.io"]
    return found


def kubelet_configuration(cluster: Installed, of: str, *, on: str = "") -> dict[str, Any]:
    """The configuration that the kubelet of a node reports."""
    text = cluster.kubectl("get", "--raw", f"/api/v1/nodes/{of}/proxy/configz", on=on)
    found: dict[str, Any] = json.loads(text)["kubeletconfig"]
    return found


def audited(cluster: Installed, on: str, word: str) -> list[dict[str, Any]]:
    """The events in a host's audit log that contain a word; an incomplete last line is ignored."""
    text = cluster.lab.execute(on, f"grep -h {word} /var/log/kubernetes/audit/audit.log || true")
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def pod_routes(cluster: Installed, on: str) -> dict[str, str]:
    """Where a host sends packets for the pods of other nodes: network -> address."""
    lines = cluster.lab.execute(on, "ip -4 route show root 10.233.64.0/18").splitlines()
    return {words[0]: words[2] for words in map(str.split, lines) if words[1:2] == ["via"]}


def pods_of_others(cluster: Installed, on: str, but: Collection[str]) -> dict[str, str]:
    """The pod network of each node except `but` -> its address, according to the API server on `on`."""
    return {
        item["spec"]["podCIDR"]: cluster.host(item["metadata"]["name"]).address
        for item in cluster.kubectl_json("get", "nodes", on=on)["items"]
        if item["metadata"]["name"] not in but
    }
