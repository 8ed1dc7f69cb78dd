"""What a dialect cannot express is reported, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from clusters.config.dialects.fit import fitted, what_does_not_fit
from clusters.config.dialects.render import documents, render
from clusters.config.keys import Model, keys_of
from clusters.config.load import load
from clusters.config.plugins import plugins
from clusters.config.schema import (
    ControlPlaneEndpoint,
    Document,
    Host,
    JumpHost,
    KubeSphere,
    Network,
    Registry,
    RoleGroups,
)
from tests.config.documents import seed_document
from tests.conftest import SEED

FULL = Path(__file__).parents[1] / "cases" / "full_v1alpha2.yaml"


def _full() -> Document:
    document = load(FULL.read_text(encoding="utf-8")).document
    assert document is not None
    return document


def _ids(document: Document, dialect: str) -> dict[str, str]:
    return {each.path: each.id for each in what_does_not_fit(document, dialect)}


def test_v1alpha2_expresses_everything_and_reports_ignored_keys() -> None:
    assert _ids(_full(), "v1alpha2") == {}
    kubernetes = _full().kubernetes.model_copy(update={"image_repo": "kubesphere"})
    document = _full().model_copy(update={"kubernetes": kubernetes, "config_v4": {"zone": "cn"}})
    assert _ids(document, "v1alpha2") == {
        "spec.kubernetes.imageRepo": "dialect.ignored",
        "config.zone": "dialect.ignored",
    }


def test_keys_that_only_slipway_has_are_named() -> None:
    kubevip = {"mode": "BGP", "localAS": 65010, "peers": [{"address": "10.1.2.1", "as": 65001}]}
    endpoint = ControlPlaneEndpoint.model_validate({"internalLoadbalancer": "kube-vip", "kubevip": kubevip})
    document = seed_document(control_plane_endpoint=endpoint)
    ours = {f"spec.controlPlaneEndpoint.kubevip.{key}": "dialect.ignored" for key in ("localAS", "peers")}
    assert {path: id for path, id in _ids(document, "v1alpha2").items() if "kubevip" in path} == ours
    assert "spec.controlPlaneEndpoint.kubevip.peers" in _ids(document, "v4")
    assert fitted(document, "v1alpha2") == document


def test_what_to_do_instead_of_a_plugins_options_stands_beside_each() -> None:
    network = Network.model_validate({"plugin": "calico", "calico": {"vethMTU": 1400, "typha": {"enabled": True}}})
    found = [each for each in what_does_not_fit(seed_document(network=network), "v4") if ".calico." in each.path]
    assert {each.path.removeprefix("spec.network.calico.") for each in found} == {"vethMTU", "typha.enabled"}
    assert {each.hint for each in found} == {plugin.instead for plugin in plugins() if plugin.name == "calico"}
    dns = what_does_not_fit(_full(), "v4")
    assert "Export as v1alpha2 to keep it." in {each.hint for each in dns}


def test_a_credential_is_named_with_what_has_to_be_filled_in() -> None:
    jump = JumpHost(hops="bastion", credential="door")
    seed = seed_document()
    host = seed.hosts[1].model_copy(update={"password": None, "credential": "prod", "jump_host": jump})
    document = seed.model_copy(update={"hosts": (seed.hosts[0], host, seed.hosts[2]), "jump_host": jump})
    found = {each.path: each for each in what_does_not_fit(document, "v1alpha2") if each.id == "dialect.credential"}
    assert [each.message for each in found.values()] == [
        "The login of node2 is Slipway's credential prod, which is not in the file.",
        "The login of the jump host of node2 is Slipway's credential door, which is not in the file.",
        "The login of the jump host is Slipway's credential door, which is not in the file.",
    ]
    assert all("password or privateKeyPath" in each.hint for each in found.values())
    assert found["spec.hosts.1.credential"].hosts == ("node2",)
    for dialect in ("v1alpha1", "v4"):
        assert _ids(document, dialect)["spec.hosts.1.credential"]
    assert fitted(document, "v1alpha2") == document


def test_every_key_that_v1alpha1_has_not_is_named() -> None:
    said = _ids(_full(), "v1alpha1")
    assert said["spec.system"] == said["spec.dns"] == said["spec.registry.auths"]
    assert said["spec.registry.auths"] == "dialect.lost"
    assert said["spec.roleGroups.control-plane"] == "dialect.renamed"
    assert said["spec"] == "dialect.newer"
    assert "spec.hosts.2.labels" not in said
    assert "spec.kubernetes.kubeletArgs" not in said


def test_etcds_backup_stands_below_kubernetes_in_v1alpha1() -> None:
    spec = documents(_full(), "v1alpha1", "show")[0]["spec"]
    assert "etcd" not in spec
    assert spec["kubernetes"]["etcdBackupPeriod"] == 1800


def test_v4_has_an_inventory_and_a_config() -> None:
    inventory, config = yaml.safe_load_all(render(_full(), dialect="v4", secrets="show"))
    assert (inventory["kind"], config["kind"]) == ("Inventory", "Config")
    assert inventory["spec"]["hosts"]["node1"] == {
        "connector": {"type": "ssh", "host": "192.0.2.1", "port": 8022, "user": "ubuntu", "password": "Testing123"},
        "internal_ipv4": "172.16.0.2",
    }
    assert inventory["spec"]["groups"]["kube_worker"] == {"hosts": ["node2", "node3"]}
    assert inventory["spec"]["groups"]["gateways"] == {"hosts": ["node2"]}
    spec = config["spec"]
    assert spec["kubernetes"]["kube_version"] == "v1.30.0"
    assert spec["kubernetes"]["kubelet"]["extra_args"] == {"v": "2"}
    assert spec["kubernetes"]["control_plane_endpoint"] == {
        "host": "lb.kubesphere.local",
        "port": 6443,
        "type": "local",
    }
    assert spec["etcd"]["deployment_type"] == "external"
    assert spec["image_registry"]["auth"]["registry"] == "hub.example.com/kubesphereio"
    assert spec["cri"]["registry"]["auths"][0]["password"] == "Testing123"
    assert spec["audit"] is True


def test_what_v4_drops_is_named() -> None:
    said = _ids(_full(), "v4")
    for path in (
        "spec.addons",
        "kubesphere",
        "spec.hosts.2.timeout",
        "spec.system.preInstall",
        "spec.network.calico.typha.nodeSelector",
    ):
        assert said.get(path) == "dialect.lost", path
    assert said["spec.roleGroups"] == "dialect.renamed"
    assert "spec.kubernetes.maxPods" not in said


def test_a_plugin_unknown_to_v4_is_reported_and_written() -> None:
    document = seed_document(network=Network(plugin="bridge"))
    assert _ids(document, "v4") == {"spec.network.plugin": "dialect.value"}
    assert fitted(document, "v4").network.plugin == "bridge"


@pytest.mark.parametrize("dialect", ["v1alpha1", "v1alpha2", "v4"])
def test_a_load_balancer_unknown_to_kubekey_is_reported_and_written(dialect: str) -> None:
    document = seed_document(
        network=Network(plugin="calico"), control_plane_endpoint=ControlPlaneEndpoint(internal_loadbalancer="other")
    )
    path = "spec.controlPlaneEndpoint.internalLoadbalancer"
    assert _ids(document, dialect)[path] == "dialect.value"
    assert fitted(document, dialect).control_plane_endpoint.internal_loadbalancer == "other"


@pytest.mark.parametrize("dialect", ["v1alpha1", "v1alpha2", "v4"])
def test_a_proxy_mode_unknown_to_kubekey_is_reported_and_written(dialect: str) -> None:
    kubernetes = seed_document().kubernetes.model_copy(update={"proxy_mode": "nftables"})
    document = seed_document(network=Network(plugin="calico"), kubernetes=kubernetes)
    assert _ids(document, dialect)["spec.kubernetes.proxyMode"] == "dialect.value"
    assert fitted(document, dialect).kubernetes.proxy_mode == "nftables"


def test_machines_of_one_name_are_one_in_v4() -> None:
    document = Document(hosts=(Host(name="a", address="10.1.1.1"), Host(name="a", address="10.1.1.2")))
    assert _ids(document, "v4")["spec.hosts.1.name"] == "dialect.lost"
    assert [host.address for host in fitted(document, "v4").hosts] == ["10.1.1.1"]


@pytest.mark.parametrize(("balancer", "section"), [("", "local"), ("kube-vip", "kube_vip"), ("haproxy", "local")])
def test_the_endpoint_has_its_own_shape_in_v4(balancer: str, section: str) -> None:
    endpoint = ControlPlaneEndpoint(internal_loadbalancer=balancer, address="10.1.1.9")
    document = seed_document(control_plane_endpoint=endpoint)
    written = documents(document, "v4", "show")[1]["spec"]["kubernetes"]["control_plane_endpoint"]
    assert written["type"] == (balancer or "local")
    assert written[section] == {"address": "10.1.1.9"}


def test_a_v4_file_keeps_what_has_no_place_through_v1alpha2() -> None:
    text = render(seed_document(), dialect="v4", secrets="show")
    text = text.replace(
        "  kubernetes:\n    kube_version", "  zone: cn\n  kubernetes:\n    helm_version: v3.18.5\n    kube_version"
    )
    text = text.replace("      internal_ipv4: 172.16.0.3", "      internal_ipv4: 172.16.0.3\n      annotations: {a: b}")
    document = load(text).document
    assert document is not None
    assert document.config_v4 == {"zone": "cn", "kubernetes": {"helm_version": "v3.18.5"}}
    assert document.inventory_v4 == {"hosts": {"node2": {"annotations": {"a": "b"}}}}
    stored = load(render(document, secrets="show")).document
    assert stored == document
    again = render(document, dialect="v4", secrets="show")
    assert load(again).document == document
    assert "helm_version: v3.18.5" in again


def test_groups_are_written_out_in_their_order() -> None:
    groups = RoleGroups.model_validate({"master": ["node[1:2]"], "control-plane": ["node3"], "x": ["node1"]})
    kept = fitted(seed_document(role_groups=groups), "v4").role_groups
    assert kept.master == ("node1", "node2", "node3")
    assert kept.model_extra == {"x": ["node1"]}


def test_a_project_in_the_registrys_name_is_the_project() -> None:
    document = seed_document(registry=Registry(private_registry="hub.example.com/mine"))
    kept = fitted(document, "v4").registry
    assert (kept.private_registry, kept.namespace_override) == ("hub.example.com", "mine")


@pytest.mark.parametrize(("written", "read"), [("kube_vip", "kube-vip"), ("local", "")])
def test_words_of_v4_are_read_as_ours(written: str, read: str) -> None:
    endpoint = ControlPlaneEndpoint(internal_loadbalancer=written, address="10.1.1.9")
    document = seed_document(control_plane_endpoint=endpoint)
    back = load(render(document, dialect="v4", secrets="show")).document
    assert back == fitted(document, "v4")
    assert back is not None
    assert back.control_plane_endpoint.internal_loadbalancer == read


def test_what_is_only_spelled_otherwise_is_worth_knowing() -> None:
    document = Document(
        hosts=(Host(name="a", internal_address="10.1.1.1"),), registry=Registry(private_registry="hub.example.com/mine")
    )
    found = {each.path: each for each in what_does_not_fit(document, "v4") if each.id == "dialect.renamed"}
    assert set(found) == {"spec.hosts.0.address", "spec.registry.privateRegistry"}
    assert not any(each.blocking for each in found.values())


CASES = FULL.parent


def _case(name: str) -> Document:
    document = load((CASES / f"{name}.yaml").read_text(encoding="utf-8")).document
    assert document is not None
    return document


def test_a_key_of_one_machine_in_kubekey_4_is_named_where_it_is_lost() -> None:
    document = _case("v4_keys_of_machines")
    found = {each.path: each for each in what_does_not_fit(document, "v1alpha1")}
    lost = found["inventory.hosts.slate.connector.type"]
    assert lost.message.startswith("v1alpha1 has no place for hosts.slate.connector.type")
    assert lost.hosts == ("slate",) and found["inventory.hosts.chalk.rack"].hosts == ("chalk",)
    assert "type: local" not in render(document, dialect="v1alpha1")
    assert "inventory.hosts.slate.connector.type" in _ids(document, "v1alpha2")


def test_a_key_of_many_machines_in_kubekey_4_is_named_once() -> None:
    hosts = {f"n{number}": {"connector": {"type": "local"}} for number in range(3)}
    document = seed_document(inventory_v4={"hosts": hosts, "vars": {"a": 1}})
    found = [each for each in what_does_not_fit(document, "v1alpha1") if each.path.startswith("inventory.")]
    assert [each.path for each in found] == ["inventory.vars", "inventory.hosts.n0.connector.type"]
    assert "hosts.*.connector.type" in found[1].message and found[1].hosts == ("n0", "n1", "n2")


def test_kube_ovns_options_of_kubekey_1_are_read_and_written_where_it_has_them() -> None:
    document = _case("kubeovn_flat")
    options = document.network.kubeovn
    assert (options.controller.network_type, options.controller.vlan_id) == ("vlan", "204")
    assert (options.controller.vlan_interface_name, options.cni.iface, options.cni.enable_mirror) == (
        "eth3",
        "eth1",
        True,
    )
    assert not [path for path in _ids(document, "v1alpha1") if path.startswith("spec.network.kubeovn")]
    written = yaml.safe_load(render(document, dialect="v1alpha1"))["spec"]["network"]["kubeovn"]
    assert written == {
        "networkType": "vlan",
        "vlanInterfaceName": "eth3",
        "vlanID": "204",
        "iface": "eth1",
        "enableMirror": True,
    }
    newer = yaml.safe_load(render(document, dialect="v1alpha2"))["spec"]["network"]["kubeovn"]
    assert newer["kube-ovn-controller"]["networkType"] == "vlan"


def test_a_newer_option_of_kube_ovn_is_lost_in_the_oldest_dialect() -> None:
    options = {"kube-ovn-controller": {"networkType": "vlan", "enableLB": False}}
    network = Network.model_validate({"plugin": "kubeovn", "kubeovn": options})
    found = _ids(seed_document(network=network), "v1alpha1")
    assert found["spec.network.kubeovn.kube-ovn-controller.enableLB"] == "dialect.lost"
    assert "spec.network.kubeovn.kube-ovn-controller.networkType" not in found


def test_every_moved_option_of_a_plugin_exists_where_it_is_today() -> None:
    for plugin in plugins():
        for path in plugin.moved.values():
            section: type[Model] | None = plugin.section
            for name in path.split("."):
                assert section is not None
                key = keys_of(section)[name]
                section = key.inner
            assert key.kind in ("text", "bool", "int")


def test_everything_that_kubekey_4_loses_has_an_alternative() -> None:
    text = f"{SEED}  network2: {{a.b: 1}}\n"
    unknown = load(text).document
    assert unknown is not None
    wish = _full().model_copy(update={"kubesphere_document": KubeSphere()})
    for document in (unknown, wish):
        lost = [each for each in what_does_not_fit(document, "v4") if each.id == "dialect.lost"]
        assert lost
        assert all(each.hint for each in lost), [each.message for each in lost if not each.hint]
    assert any("Helm" in each.hint for each in what_does_not_fit(wish, "v4") if each.path == "kubesphere")
