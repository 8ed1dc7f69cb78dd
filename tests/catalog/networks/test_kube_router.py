"""kube-router: what its step puts into the cluster, what it needs of machines, and what its image is on the lab."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.networks import kube_router
from clusters.catalog.networks.needs import needs_of, ports_between, sends_directly
from clusters.catalog.plugins import Between, Needs, adapt_objects, images
from clusters.config.dialects.fit import fitted, what_does_not_fit
from clusters.config.plugins import plugin_of
from clusters.config.rules import check
from clusters.engine.check import CHECKS
from clusters.engine.step import STEPS
from tests.catalog.networks.rendered import BOTH
from tests.catalog.pretend import pretend, seed
from tests.lab.networks import plugins as on_the_lab

if TYPE_CHECKING:
    from pathlib import Path

NEWEST = {"version": "v1.37.2"}


def document(**options: Any) -> Any:
    """The seed with kube-router; keys of `BOTH` are the network's."""
    whole = {key: options.pop(key) for key in BOTH if key in options}
    return seed(kubernetes=NEWEST, network={"plugin": "kube-router", **whole, "kube-router": options})


def pod(**options: Any) -> dict[str, Any]:
    (daemonset,) = [each for each in kube_router.objects(document(**options)) if each["kind"] == "DaemonSet"]
    found: dict[str, Any] = daemonset["spec"]["template"]
    return found


def test_the_step_applies_waits_for_the_pods_and_for_the_nodes(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, document())
    titles = [want.what for want in STEPS.steps["network/kube-router"].body(cluster.machine("node1"), cluster)]
    assert titles == ["kube-router is in the cluster", "every pod of kube-router is ready", "all 3 nodes are Ready"]


def test_the_daemon_routes_and_keeps_policies_beside_kube_proxy() -> None:
    flags = kube_router.arguments(document())
    assert {"--run-router=true", "--run-firewall=true", "--run-service-proxy=false"} <= set(flags)
    assert {"--enable-ipv4=true", "--enable-ipv6=false", "--auto-mtu=true", "--metrics-port=0"} <= set(flags)
    assert [each for each in flags if "service-cluster" in each] == ["--service-cluster-ip-range=10.233.0.0/18"]


def test_every_option_reaches_a_flag() -> None:
    usual = kube_router.arguments(document())
    others = {
        "enableOverlay": False,
        "overlayType": "full",
        "overlayEncap": "fou",
        "overlayEncapPort": 5556,
        "nodesFullMesh": False,
        "clusterAsn": 64513,
        "bgpGracefulRestart": False,
        "enablePodEgress": False,
        "runFirewall": False,
        "mtu": 1400,
        "metricsPort": 9180,
    }
    section = plugin_of("kube-router")
    assert section is not None and section.section is not None
    assert set(others) == {each.alias for each in section.section.model_fields.values()}
    for key, value in others.items():
        changed = kube_router.arguments(document(**{key: value}))
        assert len(changed) == len(usual) and sum(a != b for a, b in zip(changed, usual, strict=True)) == 1, key


def test_two_families_are_two_flags_and_two_service_networks() -> None:
    flags = kube_router.arguments(document(**BOTH))
    assert "--enable-ipv6=true" in flags
    assert [each.partition("=")[2] for each in flags if "service-cluster" in each] == BOTH["kubeServiceCIDR"].split(",")


def test_pods_get_a_bridge_with_their_ports_and_an_mtu_that_is_asked_for() -> None:
    bridge, ports = json.loads(kube_router.cni_configuration(document()))["plugins"]
    assert (bridge["type"], bridge["bridge"], bridge["ipam"]) == ("bridge", "kube-bridge", {"type": "host-local"})
    assert bridge["hairpinMode"] and "mtu" not in bridge
    assert (ports["type"], ports["capabilities"]) == ("portmap", {"portMappings": True})
    assert json.loads(kube_router.cni_configuration(document(mtu=1400)))["plugins"][0]["mtu"] == 1400


def test_another_cni_configuration_starts_the_pods_again() -> None:
    assert pod()["metadata"] != pod(mtu=1400)["metadata"]


def test_pods_mount_only_what_is_there_and_run_on_every_node() -> None:
    spec = pod()["spec"]
    volumes = {each["name"] for each in spec["volumes"]}
    mounts = {each["name"] for part in spec["initContainers"] + spec["containers"] for each in part["volumeMounts"]}
    assert mounts == volumes
    assert spec["hostNetwork"] and spec["tolerations"] == [{"operator": "Exists"}]
    assert {
        probe: spec["containers"][0][probe]["httpGet"]["port"] for probe in ("livenessProbe", "readinessProbe")
    } == {
        "livenessProbe": 20244,
        "readinessProbe": 20244,
    }


def test_the_daemon_only_reads_the_cluster() -> None:
    (role,) = [each for each in kube_router.objects(document()) if each["kind"] == "ClusterRole"]
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}


def test_a_daemons_file_is_left_alone_until_another_one_is_wanted(tmp_path: Path) -> None:
    """The daemon has written the node's networks into it."""
    script = pod()["spec"]["initContainers"][0]["command"][2]
    places = {}
    for path in (kube_router.CNI_CONFIG, kube_router.WANTED, kube_router.KEPT):
        places[path] = tmp_path / path.lstrip("/")
        places[path].parent.mkdir(parents=True, exist_ok=True)
    for path in (kube_router.CNI_CONFIG, kube_router.WANTED, kube_router.KEPT):
        script = script.replace(path, str(places[path]))
    config, wanted = places[kube_router.CNI_CONFIG], places[kube_router.WANTED]

    def start() -> str:
        subprocess.run(["/bin/sh", "-ec", script], check=True)
        return config.read_text()

    wanted.write_text("first")
    assert start() == "first"
    config.write_text("first, with the node's networks")
    assert start() == "first, with the node's networks"
    wanted.write_text("second")
    assert start() == "second"
    config.unlink()
    assert start() == "second"
    assert [path.name for path in config.parent.iterdir()] == [config.name]


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        ({}, Needs((179, 20244, 50051), (), ("ip_set", "ipip"))),
        (BOTH, Needs((179, 20244, 50051), (), ("ip_set", "ipip", "ip6_tunnel"))),
        (
            {"overlayEncap": "fou", **BOTH},
            Needs((179, 20244, 50051), (5555,), ("ip_set", "ipip", "ip6_tunnel", "fou", "fou6")),
        ),
        ({"overlayEncap": "fou"}, Needs((179, 20244, 50051), (5555,), ("ip_set", "ipip", "fou"))),
        (
            {"enableOverlay": False, "overlayEncap": "fou", "metricsPort": 9180},
            Needs((179, 20244, 50051, 9180), (), ("ip_set",)),
        ),
    ],
)
def test_ports_and_modules_follow_the_options(options: dict[str, Any], needed: Needs) -> None:
    found = document(**options)
    assert needs_of(found, "node2") == needed
    known = plugin_of("kube-router")
    assert known is not None and set(needed.modules) <= set(known.modules)
    assert ports_between(found) == Between(nodes=(179,))
    assert sends_directly(found) == (options.get("enableOverlay") is False)


def test_what_a_machine_lacks_is_measured(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"listening": (22, 179), "modules": (("ip_set", "active"),)}
    cluster, _, _ = pretend(monkeypatch, archive, document(), node2=facts)

    def messages(check: str) -> list[str]:
        return [each.message for each in CHECKS.checks[check].body(cluster.machine("node2"), cluster)]

    (ports,), (modules,) = messages("net.plugin_ports"), messages("net.plugin_modules")
    assert "kube-router needs 179/tcp on node2" in ports
    assert "kube-router needs ipip, which node2's kernel" in modules


def test_no_kubekey_knows_it_and_each_export_says_so() -> None:
    wanted = document(mtu=1400)
    for dialect, loses in (("v1alpha1", True), ("v1alpha2", False), ("v4", True)):
        found = what_does_not_fit(wanted, dialect)
        (unknown,) = [each for each in found if each.path == "spec.network.plugin"]
        assert (unknown.id, unknown.severity.value) == ("dialect.value", "warning")
        assert "KubeKey does not know the network plugin 'kube-router'" in unknown.message
        assert any(each.id == "dialect.lost" and ".kube-router" in each.path for each in found) is loses
        kept = fitted(wanted, dialect).network
        assert (kept.plugin, kept.kube_router.mtu) == ("kube-router", 0 if loses else 1400)
    (hint,) = {each.hint for each in what_does_not_fit(wanted, "v4") if ".kube-router." in each.path}
    assert hint.startswith("Write its flags into the DaemonSet")


def test_the_lab_makes_the_very_image_that_is_asked_for(tmp_path: Path) -> None:
    lab = on_the_lab()["kube-router"]
    (made,) = lab.images(tmp_path, tmp_path)
    assert (made.ref,) == images(document())
    (shipped,) = adapt_objects(
        document(), [each for each in kube_router.objects(document()) if each["kind"] == "DaemonSet"]
    )
    assert {each["image"] for each in shipped["spec"]["template"]["spec"]["containers"]} == {made.ref}


def test_nodes_without_a_mesh_are_annotated_with_the_documents_as_number() -> None:
    (finding,) = [each for each in check(document(nodesFullMesh=False, clusterAsn=64999)) if "mesh" in each.id]
    assert "kube-router.io/node.asn=64999 " in finding.hint
