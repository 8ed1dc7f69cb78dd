"""The network plugins: the objects that each applies for a document, and the messages of `none`."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog.networks import calico, flannel, none
from clusters.catalog.networks.calico.needs import typha_is_on
from clusters.catalog.plugins import adapt_objects, images
from clusters.catalog.steps.images import network
from clusters.config.kubernetes_versions import known_versions, parse_version
from clusters.config.plugins import plugins
from clusters.engine.events import CheckFound, Output
from clusters.engine.plan import make_plan
from clusters.engine.source import Artifact
from clusters.errors import SourceError
from tests.catalog.pretend import NODES, pretend, seed
from tests.catalog.test_manifests import ApiServer
from tests.plans import waits_for

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.catalog.manifests import Object

BOTH = {"kubePodsCIDR": "10.233.64.0/18,fd85::/64", "kubeServiceCIDR": "10.233.0.0/18,fd86::/112"}


def document(plugin: str, *, version: str = "v1.20.2", **options: Any) -> Any:
    """The seed with a plugin; keys with a capital letter or of `BOTH` are the network's, `options` the plugin's."""
    whole = {key: options.pop(key) for key in BOTH if key in options}
    return seed(
        kubernetes={"version": version, "proxyMode": "iptables"},
        network={"plugin": plugin, **whole, **({plugin: options} if options else {})},
    )


def of_kind(objects: list[Object], kind: str) -> Object:
    """The one object of that kind."""
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def calico_like() -> list[Object]:
    """A small manifest with the parts of Calico's that options change."""
    cni = '{"plugins": [{"type": "calico", "mtu": __CNI_MTU__, "ipam": {"type": "calico-ipam"}}, {"type": "portmap"}]}'
    probe = {"exec": {"command": ["/bin/calico-node", "-felix-live", "-bird-live"]}}
    daemon = {
        "name": "calico-node",
        "image": "docker.io/calico/node:v3.24.5",
        "env": [{"name": "CALICO_IPV4POOL_IPIP", "value": "Always"}, {"name": "IP", "value": "autodetect"}],
        "livenessProbe": probe,
    }
    return [
        {"kind": "PodDisruptionBudget", "apiVersion": "policy/v1", "metadata": {"name": "calico-kube-controllers"}},
        {
            "kind": "ConfigMap",
            "apiVersion": "v1",
            "metadata": {"name": "calico-config"},
            "data": {"calico_backend": "bird", "veth_mtu": "0", "cni_network_config": cni},
        },
        {
            "kind": "DaemonSet",
            "apiVersion": "apps/v1",
            "metadata": {"name": "calico-node"},
            "spec": {"template": {"spec": {"containers": [daemon]}}},
        },
        *(
            {
                "kind": "Deployment",
                "apiVersion": "apps/v1",
                "metadata": {"name": name},
                "spec": {"replicas": 1, "template": {"spec": {"nodeSelector": {"os": "linux"}, "containers": []}}},
            }
            for name in ("calico-kube-controllers", "calico-typha")
        ),
    ]


def environment(objects: list[Object]) -> dict[str, str]:
    """The environment of calico-node."""
    env = of_kind(objects, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert len({each["name"] for each in env}) == len(env)
    return {each["name"]: each["value"] for each in env}


def test_calico_gets_the_documents_pool_and_tunnels() -> None:
    objects = calico.edited(calico_like(), document("calico", ipipMode="CrossSubnet", vethMTU=1400), typha=False)
    env = environment(objects)
    assert env["CALICO_IPV4POOL_CIDR"] == "10.233.64.0/18" and env["IP"] == "autodetect"
    assert (env["CALICO_IPV4POOL_IPIP"], env["CALICO_IPV4POOL_VXLAN"]) == ("CrossSubnet", "Never")
    assert (env["CALICO_IPV4POOL_NAT_OUTGOING"], env["NO_DEFAULT_POOLS"]) == ("true", "false")
    data = of_kind(objects, "ConfigMap")["data"]
    assert (data["veth_mtu"], data["calico_backend"]) == ("1400", "bird")
    assert "CALICO_IPV6POOL_CIDR" not in env and "__CNI_MTU__" in data["cni_network_config"]


def test_calico_uses_the_network_card_of_the_nodes_internal_address() -> None:
    env = environment(calico.edited(calico_like(), document("calico"), typha=False))
    assert env["IP_AUTODETECTION_METHOD"] == "kubernetes-internal-ip" and "IP6_AUTODETECTION_METHOD" not in env
    both = document("calico", ipAutoDetectionMethod="interface=eth1", **BOTH)
    env = environment(calico.edited(calico_like(), both, typha=False))
    assert env["IP_AUTODETECTION_METHOD"] == "interface=eth1"
    assert env["IP6_AUTODETECTION_METHOD"] == "kubernetes-internal-ip"


def test_calico_with_vxlan_alone_needs_no_bgp() -> None:
    objects = calico.edited(calico_like(), document("calico", ipipMode="Never", vxlanMode="Always"), typha=False)
    assert of_kind(objects, "ConfigMap")["data"]["calico_backend"] == "vxlan"
    daemon = of_kind(objects, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
    assert daemon["livenessProbe"]["exec"]["command"] == ["/bin/calico-node", "-felix-live"]


def test_calico_has_both_ip_families_if_the_document_has() -> None:
    objects = calico.edited(calico_like(), document("calico", ipv6NatOutgoing=True, **BOTH), typha=False)
    env = environment(objects)
    assert (env["CALICO_IPV4POOL_CIDR"], env["CALICO_IPV6POOL_CIDR"]) == ("10.233.64.0/18", "fd85::/64")
    assert (env["FELIX_IPV6SUPPORT"], env["IP6"], env["CALICO_IPV6POOL_NAT_OUTGOING"]) == (
        "true",
        "autodetect",
        "true",
    )
    text = of_kind(objects, "ConfigMap")["data"]["cni_network_config"]
    assert '"mtu": __CNI_MTU__' in text
    ipam = json.loads(text.replace("__CNI_MTU__", "0"))["plugins"][0]["ipam"]
    assert ipam == {"type": "calico-ipam", "assign_ipv4": "true", "assign_ipv6": "true"}


@pytest.mark.parametrize(
    "options",
    [
        {"typha": {"enabled": True, "replicas": 3, "nodeSelector": {"role": "net"}}},
        {"enableTypha": True, "replicas": 3, "nodeSelector": {"role": "net"}},
    ],
    ids=["3.1.8", "3.1.0"],
)
def test_both_spellings_scale_typha(options: dict[str, Any]) -> None:
    wanted = document("calico", **options)
    assert typha_is_on(wanted) and images(wanted)[-1] == "docker.io/calico/typha:v3.24.5"
    objects = calico.edited(calico_like(), wanted, typha=True)
    (typha,) = [each for each in objects if each["metadata"]["name"] == "calico-typha"]
    assert typha["spec"]["replicas"] == 3
    assert typha["spec"]["template"]["spec"]["nodeSelector"] == {"os": "linux", "role": "net"}


def test_typha_is_on_above_fifty_nodes() -> None:
    hosts = [
        {"name": f"node{each}", "address": f"10.0.0.{each}", "user": "u", "password": "x"} for each in range(1, 53)
    ]
    roles = {"etcd": ["node1"], "master": ["node1"], "worker": ["node[2:51]"]}
    assert typha_is_on(seed(hosts=hosts, roleGroups=roles, network={"plugin": "calico"}))
    roles["worker"] = ["node[2:50]"]
    assert not typha_is_on(seed(hosts=hosts, roleGroups=roles, network={"plugin": "calico"}))


def test_calico_is_applied_and_a_second_run_changes_nothing(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, document("calico"))
    server = ApiServer(hosts["node1"])
    manifest = tmp_path / "calico.yaml"
    manifest.write_text(yaml.safe_dump_all(calico_like()))
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    requests: list[tuple[str, str, str]] = []

    def file(component: str, version: str, name: str, arch: str, **_: Any) -> Artifact:
        requests.append((component, name, arch))
        return Artifact(component, version, manifest, digest)

    monkeypatch.setattr(cluster.source, "file", file)
    machine = cluster.machine("node1")
    for want in list(calico.calico(machine, cluster))[:1]:
        want.reach(machine)
        assert want.seen(machine).so
    assert requests == [("calico", "calico.yaml", "any")]
    assert server.kept["calico-kube-controllers"]["kind"] in ("PodDisruptionBudget", "Deployment")
    assert next(iter(calico.calico(machine, cluster))).seen(machine).so


def test_a_manifest_of_another_release_is_an_error() -> None:
    with pytest.raises(SourceError, match="no DaemonSet calico-node"):
        calico.edited([each for each in calico_like() if each["kind"] != "DaemonSet"], document("calico"), typha=False)


def test_flannel_reads_its_network_and_backend_from_the_document() -> None:
    settings = flannel.settings(document("flannel", backendMode="vxlan", directRouting=True, **BOTH))
    assert json.loads(settings["net-conf.json"]) == {
        "Network": "10.233.64.0/18",
        "Backend": {"Type": "vxlan", "DirectRouting": True},
        "EnableIPv6": True,
        "IPv6Network": "fd85::/64",
    }
    assert json.loads(flannel.settings(document("flannel"))["net-conf.json"]) == {
        "Network": "10.233.64.0/18",
        "Backend": {"Type": "vxlan"},
    }


def test_flannel_uses_the_network_card_of_the_nodes_internal_address() -> None:
    pod = of_kind(flannel.objects(document("flannel")), "DaemonSet")["spec"]["template"]["spec"]
    (daemon,) = pod["containers"]
    assert "--iface=$(NODE_ADDRESS)" in daemon["args"]
    address = next(each for each in daemon["env"] if each["name"] == "NODE_ADDRESS")
    assert address["valueFrom"] == {"fieldRef": {"fieldPath": "status.hostIP"}}


def test_changed_settings_of_flannel_restart_its_pods() -> None:
    templates = [
        of_kind(flannel.objects(document("flannel", backendMode=mode)), "DaemonSet")["spec"]["template"]
        for mode in ("vxlan", "host-gw")
    ]
    assert templates[0] != templates[1]


def test_flannels_pods_mount_only_existing_volumes_and_match_the_selector() -> None:
    objects = flannel.objects(document("flannel"))
    daemonset = of_kind(objects, "DaemonSet")["spec"]
    pod = daemonset["template"]["spec"]
    volumes = {each["name"] for each in pod["volumes"]}
    mounts = {each["name"] for part in pod["initContainers"] + pod["containers"] for each in part["volumeMounts"]}
    assert mounts == volumes
    assert daemonset["selector"]["matchLabels"].items() <= daemonset["template"]["metadata"]["labels"].items()
    (subject,) = of_kind(objects, "ClusterRoleBinding")["subjects"]
    assert (subject["name"], subject["namespace"]) == (pod["serviceAccountName"], flannel.NAMESPACE)


def test_images_are_known_for_every_plugin_and_version() -> None:
    for plugin in (each for each in plugins() if each.releases):
        for version in known_versions():
            if parse_version(version).minor < plugin.releases[0].oldest:
                continue
            refs = images(document(plugin.name, version=version))
            assert refs and all(ref.count(":") == 1 and "/" in ref.partition(":")[0] for ref in refs)
    assert images(document("none")) == images(document("bridge")) == ()


def test_every_node_has_the_images_before_the_plugin_starts(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = document("flannel")
    cluster, _, _ = pretend(monkeypatch, archive, wanted)
    titles = [want.what for want in network.network_images(cluster.machine("node3"), cluster)]
    assert titles == [f"image {ref} is there" for ref in images(wanted)]
    plan = make_plan(wanted)
    assert ("images/network", "node3") in waits_for(plan, ("network/flannel", "node1"))
    assert ("network/flannel", "node1") in waits_for(plan, ("finish/ready", "node1"))
    assert not any(path in ("images/network", "network/flannel") for path, _ in make_plan(document("none")).needs)


def test_without_a_plugin_the_handover_does_not_wait_for_nodes() -> None:
    plan = make_plan(document("none"))
    assert ("finish/ready", "node1") not in plan.needs
    assert ("network/none", "node1") in waits_for(plan, ("finish/handover", "node1"))
    assert ("finish/ready", "node1") in waits_for(make_plan(document("flannel")), ("finish/handover", "node1"))


def test_all_images_of_pods_go_through_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.catalog.plugins.image_of", lambda document, ref: f"registry.example/{ref}")
    wanted = document("flannel")
    pod = of_kind(adapt_objects(wanted, flannel.objects(wanted)), "DaemonSet")["spec"]["template"]["spec"]
    assert {each["image"] for each in pod["containers"] + pod["initContainers"]} == set(images(wanted))
    assert all(ref.startswith("registry.example/ghcr.io/") for ref in images(wanted))


def test_without_a_plugin_the_run_warns_what_to_do(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, sink = pretend(monkeypatch, archive, document("none"))
    late = json.loads(json.dumps(NODES))
    late["items"][1]["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    hosts["node1"].answer("get nodes -o json", json.dumps(late))
    list(none.none(cluster.machine("node1"), cluster))
    (found,) = [event for event in sink.events if isinstance(event, CheckFound)]
    assert (found.severity, found.check) == ("warning", "network.none")
    assert "node2 will not be Ready" in found.message and "10.233.64.0/18" in found.message
    assert any(isinstance(event, Output) and "you have to install one" in event.text for event in sink.events)


def test_with_the_users_own_plugin_there_is_no_warning(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, sink = pretend(monkeypatch, archive, document("none"))
    list(none.none(cluster.machine("node1"), cluster))
    assert not [event for event in sink.events if isinstance(event, CheckFound)]
