"""The requirements of network plugins: free ports, modules, neighbours, files; and the prechecks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusters.catalog import networks
from clusters.catalog.networks.calico.files import COMPONENT, manifest_of
from clusters.catalog.networks.calico.needs import BGP
from clusters.catalog.networks.cilium.needs import HEALTH
from clusters.catalog.networks.kubeovn.needs import has_database
from clusters.catalog.networks.needs import TYPHA, needs_of, ports_between, sends_directly
from clusters.catalog.plugins import Between, Needs, plugin_of, plugins
from clusters.config.plugins import names
from clusters.config.plugins import plugins as of_the_document
from clusters.engine.check import CHECKS
from tests.catalog.networks.rendered import BOTH
from tests.catalog.pretend import pretend, seed

RHEL_8_6, RHEL_8_10 = "4.18.0-372.9.1.el8.x86_64", "4.18.0-553.el8_10.x86_64"


@pytest.mark.parametrize(
    ("version", "kernel", "good"),
    [
        ("v1.20.2", RHEL_8_6, True),
        ("v1.31.1", RHEL_8_6, True),
        ("v1.31.1", "4.18.0-348.el8.x86_64", False),
        ("v1.34.2", RHEL_8_6, False),
        ("v1.34.2", RHEL_8_10, True),
        ("v1.34.2", "5.4.0-150-generic", False),
        ("v1.34.2", "5.14.0-503.el9.x86_64", True),
    ],
)
def test_cilium_accepts_the_kernel_of_rhel_8_by_its_build(
    version: str, kernel: str, good: bool, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(kubernetes={"version": version}, network={"plugin": "cilium"})
    cluster, _, _ = pretend(monkeypatch, archive, document, node2={"kernel": kernel})
    found = list(CHECKS.checks["net.cilium_kernel"].body(cluster.machine("node2"), cluster))
    assert bool(found) is not good


def test_ports_of_ovns_database_are_required_where_its_label_is() -> None:
    hosts = [
        {"name": name, "address": address, "user": "u", "password": "x", "labels": {"ovn": "yes"} if last else {}}
        for name, address, last in (
            ("node1", "10.0.0.1", False),
            ("node2", "10.0.0.2", False),
            ("node3", "10.0.0.3", True),
        )
    ]
    network = {"plugin": "kubeovn", "kubeovn": {"label": "ovn=yes"}}
    document = seed(hosts=hosts, kubernetes={"version": "v1.28.2"}, network=network)
    assert {6641, 10661} <= set(needs_of(document, "node3").tcp)
    assert needs_of(document, "node1").tcp == (10660, 10665)


def test_flannels_wireguard_has_a_port_for_each_ip_family() -> None:
    network = {"plugin": "flannel", "flannel": {"backendMode": "wireguard"}, **BOTH}
    assert needs_of(seed(network=network), "node1").udp == (51820, 51821)


def test_cilium_without_tunnels_needs_neighbours_and_no_tunnel_port() -> None:
    native = seed(network={"plugin": "cilium", "cilium": {"routingMode": "native", "autoDirectNodeRoutes": True}})
    assert needs_of(native, "node1").udp == () and sends_directly(native)
    assert not sends_directly(seed(network={"plugin": "cilium"}))


def test_catalog_and_documents_have_the_same_plugins() -> None:
    there = {path.stem for path in Path(networks.__path__[0]).iterdir()} - {"__init__", "__pycache__", "needs"}
    assert there == {each.attribute for each in of_the_document()}
    assert [each.name for each in plugins().values()] == list(names())


def test_an_unknown_plugin_needs_nothing() -> None:
    document = seed(network={"plugin": "weave"})
    assert plugin_of(document).images(document) == ()
    assert (needs_of(document, "node1"), ports_between(document)) == (Needs(), Between())
    assert not sends_directly(document)


def test_calico_needs_one_of_its_two_manifests() -> None:
    plain, typha = (
        seed(network={"plugin": "calico", "calico": {"typha": {"enabled": enabled}}}) for enabled in (False, True)
    )
    assert (manifest_of(plain), manifest_of(typha)) == COMPONENT.files
    assert [file for file in COMPONENT.files if plugin_of(typha).takes(typha, file)] == ["calico-typha.yaml"]


def test_of_a_plugins_ports_some_are_for_other_machines() -> None:
    calico = seed(network={"plugin": "calico", "calico": {"typha": {"enabled": True}}})
    assert ports_between(calico) == Between(nodes=(BGP, TYPHA[0]))
    assert ports_between(seed(network={"plugin": "cilium"})) == Between(nodes=(HEALTH,))
    ovn = seed(kubernetes={"version": "v1.28.2"}, network={"plugin": "kubeovn", "kubeovn": {"tunnelType": "stt"}})
    assert ports_between(ovn) == Between(nodes=(7471,), central=(6641, 6642), among_central=(6643, 6644))
    assert has_database(ovn, "node1") and not has_database(ovn, "node3")
