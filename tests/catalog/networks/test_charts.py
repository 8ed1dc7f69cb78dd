"""The network plugins that are charts: their values, and how a chart becomes objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog import charts
from clusters.catalog.networks import cilium, hybridnet, kubeovn
from clusters.catalog.networks.cilium.chart_values import minor, settings
from clusters.catalog.networks.cilium.kernel import OLDEST_KERNEL
from clusters.catalog.networks.cilium.parts import PARTS, image_of, value, without_digests
from clusters.catalog.networks.kubeovn.needs import has_database
from clusters.config.secret import Secret
from clusters.engine.artifacts import INCOMING
from clusters.engine.wants import NotReached
from clusters.errors import ConfigError
from tests.catalog.networks.test_networks import BOTH, document
from tests.catalog.pretend import pretend, seed
from tests.catalog.test_manifests import ApiServer

if TYPE_CHECKING:
    from pathlib import Path


def test_cilium_uses_the_document_and_accepts_the_charts_own_values(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = document("cilium", ipv6={"enabled": False, "extra": 1}, hubble={"enabled": True}, **BOTH)
    values = cilium.values(pretend(monkeypatch, archive, wanted)[0])
    assert values["ipv4"] == {"enabled": True} and values["ipv6"] == {"enabled": False, "extra": 1}
    assert values["hubble"]["enabled"] is True and values["k8s"]["requireIPv6PodCIDR"] is True
    assert values["operator"]["replicas"] == 2 and "k8sServiceHost" not in values
    alone = seed(
        kubernetes={"version": "v1.31.1", "disableKubeProxy": True},
        roleGroups={"etcd": ["node1"], "master": ["node1"], "worker": ["node1"]},
        network={"plugin": "cilium"},
    )
    values = cilium.values(pretend(monkeypatch, archive, alone)[0])
    assert values["kubeProxyReplacement"] is True and values["operator"]["replicas"] == 1
    assert (values["k8sServiceHost"], values["k8sServicePort"]) == ("10.99.0.11", 6443)
    assert OLDEST_KERNEL[minor(alone)] == (5, 4)


@pytest.mark.parametrize(
    ("endpoint", "server"),
    [
        ({"internalLoadbalancer": "haproxy"}, "127.0.0.1"),
        ({"externalDNS": True, "domain": "api.example.org"}, "api.example.org"),
        ({"address": "10.99.0.200"}, "10.99.0.200"),
    ],
)
def test_without_kube_proxy_cilium_needs_no_service_to_reach_an_api_server(
    endpoint: dict[str, Any], server: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = seed(
        kubernetes={"disableKubeProxy": True},
        network={"plugin": "cilium"},
        controlPlaneEndpoint={**endpoint, "port": 7443},
    )
    values = cilium.values(pretend(monkeypatch, archive, wanted)[0])
    assert (values["k8sServiceHost"], values["k8sServicePort"]) == (server, 7443)


def test_changed_settings_of_cilium_restart_its_pods() -> None:
    chosen = settings(document("cilium"))
    assert chosen["rollOutCiliumPods"] and chosen["operator"]["rollOutPods"]


def test_images_of_optional_cilium_parts_are_listed() -> None:
    parts: dict[str, Any] = {"hubble": {"enabled": True, "relay": {"enabled": True}}, "envoy": {"enabled": True}}
    assert cilium.images(document("cilium", **parts)) == (
        "quay.io/cilium/cilium:v1.14.19",
        "quay.io/cilium/operator-generic:v1.14.19",
        "quay.io/cilium/hubble-relay:v1.14.19",
        "quay.io/cilium/cilium-envoy:v1.30.9-1734953328-6db0e437ba7ed2169f032ceec25922dd06e0b12b",
    )


def test_images_that_the_document_names_are_listed() -> None:
    named: dict[str, Any] = {
        "image": {"override": "hub.example/agent:1"},
        "operator": {"image": {"tag": "v1", "suffix": "-ci"}},
    }
    assert cilium.images(document("cilium", **named)) == (
        "hub.example/agent:1",
        "quay.io/cilium/operator-generic-ci:v1",
    )
    pinned: dict[str, Any] = {"image": {"repository": "hub.example/agent", "useDigest": True, "digest": "sha256:12"}}
    assert cilium.images(document("cilium", **pinned))[0] == "hub.example/agent:v1.14.19@sha256:12"


def test_kube_ovn_gets_networks_gateway_and_database(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = document("kubeovn", version="v1.28.2", tunnelType="vxlan")
    values = kubeovn.values(pretend(monkeypatch, archive, wanted)[0])
    assert values["MASTER_NODES"] == "10.99.0.11" and values["networking"]["TUNNEL_TYPE"] == "vxlan"
    assert (values["ipv4"]["POD_CIDR"], values["ipv4"]["POD_GATEWAY"]) == ("10.233.64.0/18", "10.233.64.1")
    assert values["ipv4"]["JOIN_CIDR"] == "100.64.0.0/16" and "dual_stack" not in values
    both = kubeovn.values(pretend(monkeypatch, archive, document("kubeovn", version="v1.28.2", **BOTH))[0])
    assert both["networking"]["NET_STACK"] == "dual_stack" and "ipv4" not in both
    assert both["dual_stack"]["POD_GATEWAY"] == "10.233.64.1,fd85::1"
    assert both["dual_stack"]["JOIN_CIDR"] == "100.64.0.0/16,fd00:100:64::/112"


def test_images_that_kube_ovn_starts_later_come_from_the_private_registry_too() -> None:
    wanted = seed(
        kubernetes={"version": "v1.30.0"},
        network={"plugin": "kubeovn"},
        registry={"privateRegistry": "hub.example:5000"},
    )
    container = {
        "image": "docker.io/kubeovn/kube-ovn:v1",
        "args": ["--enable", "--image=docker.io/kubeovn/kube-ovn:v1"],
    }
    gateway = {
        "kind": "ConfigMap",
        "metadata": {"name": "ovn-vpc-nat-config"},
        "data": {"image": "docker.io/kubeovn/vpc-nat-gateway:v1"},
    }
    controller = {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "kube-ovn-controller"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    settings, deployment = kubeovn.objects(wanted, [gateway, controller])
    assert settings["data"]["image"] == "hub.example:5000/kubeovn/vpc-nat-gateway:v1"
    pod = deployment["spec"]["template"]["spec"]["containers"][0]
    assert pod["image"] == "hub.example:5000/kubeovn/kube-ovn:v1"
    assert pod["args"] == ["--enable", "--image=hub.example:5000/kubeovn/kube-ovn:v1"]


def test_kube_ovns_database_is_where_its_label_is(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = document("kubeovn", version="v1.28.2", label="ovn=yes")
    with pytest.raises(ConfigError, match="No machine of the document has the label ovn=yes"):
        kubeovn.databases(pretend(monkeypatch, archive, wanted)[0])
    hosts = [
        each.model_copy(update={"labels": {"ovn": "yes"}}) if each.name == "node3" else each for each in wanted.hosts
    ]
    labelled = wanted.model_copy(update={"hosts": tuple(hosts)})
    assert kubeovn.databases(pretend(monkeypatch, archive, labelled)[0]) == ["10.99.0.13"]
    assert not has_database(document("kubeovn", version="v1.28.2", label="ovn"), "node3"), "the value counts"


@pytest.mark.parametrize(
    ("version", "label", "selected", "where"),
    [
        ("v1.23.17", "node-role.kubernetes.io/master", "node-role.kubernetes.io/master", ["10.99.0.11"]),
        ("v1.28.2", "node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane", ["10.99.0.11"]),
        ("v1.28.2", "node-role.kubernetes.io/master=", "node-role.kubernetes.io/control-plane", ["10.99.0.11"]),
        (
            "v1.28.2",
            "node-role.kubernetes.io/worker",
            "node-role.kubernetes.io/worker",
            ["10.99.0.12", "10.99.0.13"],
        ),
    ],
)
def test_labels_of_roles_are_those_of_this_kubernetes_version(
    version: str, label: str, selected: str, where: list[str], archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = document("kubeovn", version=version, label=label)
    values = kubeovn.values(pretend(monkeypatch, archive, wanted)[0])
    assert (values["MASTER_NODES_LABEL"], values["MASTER_NODES"]) == (selected, ",".join(where))


def test_hybridnet_creates_the_documents_networks() -> None:
    subnet = {"name": "rack1", "cidr": "192.168.56.0/24", "gateway": "192.168.56.1", "reservedIPs": ["192.168.56.9"]}
    listed = {"name": "racks", "netID": 0, "type": "Underlay", "mode": "VLAN", "nodeSelector": {"rack": "1"}}
    objects = hybridnet.objects(document("hybridnet", networks=[{**listed, "subnets": [subnet]}]))
    assert [(each["kind"], each["metadata"]["name"]) for each in objects] == [
        ("Network", "init"),
        ("Subnet", "init"),
        ("Network", "racks"),
        ("Subnet", "rack1"),
    ]
    assert objects[1]["spec"]["range"] == {"cidr": "10.233.64.0/18", "version": "4"}
    assert objects[2]["spec"] == {"netID": 0, "type": "Underlay", "mode": "VLAN", "nodeSelector": {"rack": "1"}}
    assert objects[3]["spec"] == {
        "network": "racks",
        "range": {
            "version": "4",
            "cidr": "192.168.56.0/24",
            "gateway": "192.168.56.1",
            "reservedIPs": ["192.168.56.9"],
        },
    }
    assert hybridnet.objects(document("hybridnet", init=False)) == []


def test_hybridnets_managers_find_control_planes_of_every_version(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("v1.20.2", "v1.31.1"):
        values = hybridnet.values(pretend(monkeypatch, archive, document("hybridnet", version=version))[0])
        assert values["manager"] == {"replicas": 1, "nodeSelector": {"node-role.kubernetes.io/control-plane": ""}}
        assert values["init"] is None


def test_a_chart_is_rendered_on_the_machine_and_its_images_are_known(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, document("cilium"))
    server = ApiServer(hosts["node1"])
    wants = {want.what: want for want in cilium.cilium(cluster.machine("node1"), cluster)}
    rendered = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cilium-config", "namespace": "kube-system"},
    }
    hosts["node1"].put(yaml.safe_dump(rendered).encode(), "/etc/slipway/charts/cilium-rendered.yaml")
    want = wants["cilium is in the cluster"]
    want.reach(cluster.machine("node1"))
    (command,) = [each for each in hosts["node1"].commands if "helm template" in each]
    assert "--kube-version v1.20.2" in command and "umask 077" in command
    assert "KUBECONFIG=/etc/kubernetes/admin.conf" in command and "--dry-run=server" in command, "lookups are answered"
    assert "cilium-config" in server.kept and want.seen(cluster.machine("node1")).so
    assert not any(INCOMING in each for each in hosts["node1"].files if "cilium" in each)


def test_a_secret_among_a_charts_values_reaches_the_file_and_no_log(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(
        monkeypatch, archive, document("cilium", auth={"keys": [{"password": Secret("s3cret")}]})
    )
    machine = cluster.machine("node1")
    (want,) = [each for each in cilium.cilium(machine, cluster) if "cilium-values.yaml" in each.what]
    assert want.seen(machine).diff == ""
    want.reach(machine)
    put = hosts["node1"].files["/etc/slipway/charts/cilium-values.yaml"]
    assert yaml.safe_load(put.content)["auth"] == {"keys": [{"password": "s3cret"}]} and put.mode == 0o600


def hooked(name: str, events: str) -> dict[str, Any]:
    """A Job that helm creates at these events."""
    return {"kind": "Job", "metadata": {"name": name, "annotations": {"helm.sh/hook": events}}}


def test_hooks_for_upgrades_and_removal_are_ignored() -> None:
    plain = [
        {"kind": "ConfigMap", "metadata": {"name": "a", "annotations": None}},
        {"kind": "ConfigMap", "metadata": {"name": "b"}},
    ]
    assert charts.without_hooks([*plain, hooked("up", "pre-upgrade"), hooked("gone", "pre-delete")], "net") == plain


def test_an_installation_hook_is_refused() -> None:
    with pytest.raises(
        NotReached, match="The chart of net requires helm to run Job certificates as an installation hook"
    ) as found:
        charts.without_hooks([hooked("certificates", "post-install, post-upgrade")], "net")
    assert found.value.hint == "Choose values of spec.network.net that do not need the hook."


def test_cilium_images_have_no_digest_unless_the_document_sets_one() -> None:
    (agent,) = (part for part in PARTS if part.place == "image")
    named = {"repository": "r.example/cilium", "tag": "v1", "digest": "sha256:ab"}
    assert image_of(agent, {"image": named}, "v1.17.18") == "r.example/cilium:v1@sha256:ab"
    assert image_of(agent, {"image": {**named, "useDigest": False}}, "v1.17.18") == "r.example/cilium:v1"
    assert all(value(without_digests(), f"{part.place}.useDigest") is False for part in PARTS)
