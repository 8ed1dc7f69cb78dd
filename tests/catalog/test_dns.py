"""The configuration of the cluster's DNS and of the cache on each node."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog import dns_pods
from clusters.catalog.corefile import cluster_corefile, node_corefile
from clusters.catalog.steps.images import load
from clusters.catalog.steps.kubernetes import dns
from clusters.catalog.steps.os import names
from clusters.config.kubernetes_versions import NODE_DNS_IMAGE
from clusters.engine.plan import make_plan
from clusters.engine.wants import NoAnswer
from tests.catalog.pretend import pretend, seed
from tests.fake_host import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.schema import Document

ZONE = {
    "zones": ["corp.example:53"],
    "nameservers": ["10.1.1.1", "10.1.1.2:5353"],
    "cache": 60,
    "rewrite": ["name a b"],
}


def with_dns(**dns: Any) -> Document:
    return seed(dns=dns, kubernetes={"version": "v1.20.2", "proxyMode": "iptables", "nodelocaldns": True})


def test_the_documents_zones_hosts_and_servers_are_in_the_corefile() -> None:
    coredns = {
        "externalZones": [ZONE],
        "upstreamDNSServers": ["9.9.9.9"],
        "rewriteBlock": "rewrite name old.example new.example",
        "additionalConfigs": "log",
    }
    text = cluster_corefile(with_dns(dnsEtcHosts="10.9.8.7 hub.example\n", coredns=coredns))
    zone, _, rest = text.partition(".:53 {")
    assert zone == (
        "corp.example:53 {\n    errors\n    cache 60\n    rewrite name a b\n    forward . 10.1.1.1 10.1.1.2:5353\n}\n"
    )
    assert "    hosts {\n        10.9.8.7 hub.example\n        fallthrough\n    }\n" in rest
    assert "    kubernetes cluster.local in-addr.arpa ip6.arpa {\n        pods insecure\n" in rest
    assert "    forward . 9.9.9.9 {\n" in rest and rest.startswith("\n    log\n    errors\n")
    assert rest.index("rewrite name old") < rest.index("kubernetes cluster.local")


def test_braces_match() -> None:
    for text in (cluster_corefile(with_dns()), node_corefile(with_dns(nodelocaldns={"externalZones": [ZONE]}))):
        assert text.count("{") == text.count("}") > 3
        assert text.endswith("}\n")


def test_a_nodes_cache_forwards_the_clusters_names_to_its_dns() -> None:
    text = node_corefile(with_dns())
    assert "cluster.local:53 {" in text and "forward . 10.233.0.10 {\n        force_tcp" in text
    assert text.count("health 169.254.25.10:9254") == 1 and "forward . /etc/resolv.conf" in text
    assert "/etc/resolv.conf" not in node_corefile(with_dns(dnsEtcHosts="10.9.8.7 hub.example"))


def test_coredns_is_not_changed_without_settings_in_the_document(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive)
    assert [want.what for want in dns.dns(cluster.machine("node1"), cluster)] == [dns_pods.placement_and_probe().what]
    assert "kubernetes/node-dns" not in {path for path, _ in make_plan(seed()).needs}
    paths = {path for path, _ in make_plan(with_dns(dnsEtcHosts="10.9.8.7 hub.example")).needs}
    assert {"kubernetes/dns", "kubernetes/node-dns", "finish/node-dns"} <= paths


def test_a_different_corefile_is_replaced_and_ours_is_kept(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = with_dns(dnsEtcHosts="10.9.8.7 hub.example")
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    machine = cluster.machine("node1")
    _, want = dns.dns(machine, cluster)
    hosts["node1"].answer("get configmap coredns", json.dumps({"data": {"Corefile": ".:53 {\n}\n"}}))
    assert not want.seen(machine).so
    want.reach(machine)
    assert "hub.example" in hosts["node1"].commands[-1]
    hosts["node1"].answer("get configmap coredns", json.dumps({"data": {"Corefile": cluster_corefile(document)}}))
    assert want.seen(machine).so


def test_the_cache_is_applied_again_only_when_its_manifest_changes(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, with_dns())
    machine = cluster.machine("node1")
    *_, want = dns.node_dns(machine, cluster)
    hosts["node1"].answer("get daemonset nodelocaldns", Answer("", 1, "The connection to the server was refused"))
    with pytest.raises(NoAnswer, match=r"does not report whether there is a daemonset nodelocaldns: .* refused"):
        want.seen(machine)
    hosts["node1"].answer("get daemonset nodelocaldns", "")
    assert want.seen(machine).found == "the daemonset nodelocaldns is missing"
    want.reach(machine)
    (annotated,) = [each for each in hosts["node1"].commands if dns.APPLIED in each]
    digest = annotated.partition(f"{dns.APPLIED}=")[2].strip("'")
    hosts["node1"].answer(
        "get daemonset nodelocaldns", json.dumps({"metadata": {"annotations": {dns.APPLIED: digest}}})
    )
    assert want.seen(machine).so
    items = json.loads(dns.manifest(cluster.document))["items"]
    assert [each["kind"] for each in items] == ["ServiceAccount", "ConfigMap", "DaemonSet"]
    assert NODE_DNS_IMAGE in load.wanted_images(cluster.document, control_plane=False)


def test_lines_for_every_machine_are_in_etc_hosts(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, with_dns(nodeEtcHosts="10.9.8.7 hub.example"))
    machine = cluster.machine("node3")
    for want in names.names(machine, cluster):
        want.reach(machine)
    assert "10.9.8.7 hub.example" in hosts["node3"].get("/etc/hosts").decode().splitlines()
