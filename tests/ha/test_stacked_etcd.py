"""etcd in kubeadm's static pods, one on each of three machines with all roles: changed, broken, replaced."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.manifests import dumped
from clusters.catalog.networks import flannel
from clusters.catalog.plugins import adapt_objects
from clusters.catalog.steps.kubernetes.dns import manifest as node_dns
from clusters.config.load import load
from tests.catalog.networks.rendered import BOTH
from tests.catalog.pretend import seed
from tests.ha import changes, layouts
from tests.ha.given import out_of_the_bundle
from tests.ha.installed import Installed, allowed_silence, longest_silence, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.lab, pytest.mark.outages, pytest.mark.timeout(1500)]
INSTALLS = layouts.STACKED_ETCD

MOST_SILENT_SECONDS = 6.0
"""While control planes get another configuration one after the other."""
GOLDEN = Path(__file__).resolve().parent.parent / "catalog" / "golden" / "kube-vip"
PKI = "/etc/kubernetes/pki/etcd"


def etcdctl(cluster: Installed, bundle: Path, arguments: str, *, on: str) -> str:
    """The bundle's etcdctl, on a host whose etcd is in a pod."""
    folder = cluster.place / "etcdctl"
    if not folder.exists():
        folder.mkdir()
        out_of_the_bundle(bundle, "etcdctl", folder)
    cluster.lab.send(on, folder, "/tmp/etcdctl")
    return cluster.lab.execute(
        on,
        f"ETCDCTL_API=3 /tmp/etcdctl/etcdctl --endpoints https://127.0.0.1:2379 --cacert {PKI}/ca.crt"
        f" --cert {PKI}/healthcheck-client.crt --key {PKI}/healthcheck-client.key {arguments}",
    )


def etcd_is_whole(cluster: Installed, bundle: Path) -> bool:
    """Whether each machine has a member that votes."""
    members = etcdctl(cluster, bundle, "member list", on="node1").splitlines()
    return len(members) == 3 and all("started" in line and line.endswith("false") for line in members)


def etcd_listens(cluster: Installed, on: str) -> bool:
    """Whether an etcd accepts connections there."""
    return ":2379 " in cluster.lab.execute(on, "ss -Hltn")


def test_all_three_are_ready_with_a_voting_member_each(cluster: Installed, lab_bundle: Path) -> None:
    assert cluster.ready_nodes() == set(layouts.THREE)
    assert etcd_is_whole(cluster, lab_bundle)
    assert "/var/lib/etcd-of-kubeadm" in cluster.lab.execute("node2", "ls -d /var/lib/etcd-of-kubeadm/member")


def audits_its_content(cluster: Installed, name: str) -> bool:
    """Whether the audit log of a machine has the content of the ConfigMap that was sent to it."""
    return any("responseObject" in each for each in changes.audited(cluster, name, f"sent-to-{name}"))


def test_settings_of_the_document_take_effect(cluster: Installed) -> None:
    # kubelet reports its static pods to the API server with a delay.
    for name in ("kube-apiserver-node2", "etcd-node3"):
        read = partial(cluster.kubectl_json, "get", "pod", name, "-n", "kube-system")
        wait_until(read, 90, f"the pod {name}")
    pod = cluster.kubectl_json("get", "pod", "kube-apiserver-node2", "-n", "kube-system")["spec"]["containers"][0]
    assert {"--event-ttl=2h0m0s", "--feature-gates=CPUManagerPolicyAlphaOptions=true"} <= set(pod["command"])
    assert '"kind":"Event"' in cluster.lab.execute("node3", "head -n 1 /var/log/kubernetes/audit/audit.log")
    etcd = cluster.kubectl_json("get", "pod", "etcd-node3", "-n", "kube-system")["spec"]["containers"][0]["command"]
    assert {"--election-timeout=2500", "--log-level=info"} <= set(etcd)
    node = cluster.kubectl_json("get", "node", "node2")
    assert node["status"]["capacity"]["pods"] == "99", "kubeletArgs win over maxPods"
    assert node["metadata"]["labels"]["from"] == "kubelet-args"
    kubelet = cluster.lab.execute("node2", "cat /var/lib/kubelet/config.yaml")
    assert "podPidsLimit: 4096" in kubelet and "containerLogMaxFiles: 4" in kubelet
    corefile = cluster.kubectl_json("get", "configmap", "coredns", "-n", "kube-system")["data"]["Corefile"]
    assert "10.9.8.7 hub.example" in corefile
    assert "10.9.8.7 hub.example" in cluster.lab.execute("node1", "cat /etc/hosts")
    assert cluster.lab.execute("node3", "cat /root/first") == "read by cluster create\n"


def test_changes_of_the_document_take_effect_while_clients_hardly_notice(
    cluster: Installed, figure: Callable[[str], None]
) -> None:
    def edit(spec: dict[str, Any]) -> None:
        spec["kubernetes"] |= {
            "apiserverArgs": ["event-ttl=3h0m0s"],
            "controllerManagerArgs": [layouts.NOTICED_EARLY, "node-monitor-period=6s"],
            "schedulerArgs": ["kube-api-qps=60"],
            "featureGates": {"CPUManagerPolicyAlphaOptions": True, "CrossNamespaceVolumeDataSource": True},
            "audit": {"enabled": True, "policy": changes.AUDIT_POLICY},
            "apiserverCertExtraSans": ["api.example.org", "10.9.8.6"],
            "kubeletArgs": ["node-labels=from=kubelet-args"],
            "maxPods": 77,
            "kubeProxyConfiguration": {"nftables": {"syncPeriod": "45s"}},
        }

    cluster.change(edit)
    with cluster.client("write", f"https://{layouts.STACKED_ETCD.address(cluster.hosts)}:6443") as client:
        wait_until(lambda: len(client.answers()) > 30, 60, "the first writes")
        began = time.time()
        cluster.create()
        answers = client.stop()
    silence = longest_silence(answers)
    failed = sum(answer.error is not None for answer in answers)
    figure(f"API silent for {silence:.1f} s at most, {failed} of {len(answers)} writes failed")
    assert silence <= allowed_silence(MOST_SILENT_SECONDS, answers, began)
    for name in layouts.THREE:
        server = changes.arguments(cluster, name, "kube-apiserver")
        assert "--event-ttl=3h0m0s" in server
        assert "--feature-gates=CPUManagerPolicyAlphaOptions=true,CrossNamespaceVolumeDataSource=true" in server
        assert "--node-monitor-period=6s" in changes.arguments(cluster, name, "kube-controller-manager")
        assert "--kube-api-qps=60" in changes.arguments(cluster, name, "kube-scheduler")
        assert {"api.example.org", "10.9.8.6"} <= changes.names_served(cluster, name)
        assert changes.proxy_configuration(cluster, name)["nftables"]["syncPeriod"] == "45s"
        kubelet = changes.kubelet_configuration(cluster, name)
        assert (kubelet["maxPods"], kubelet["featureGates"]["CrossNamespaceVolumeDataSource"]) == (77, True)
        assert cluster.kubectl_json("get", "node", name)["status"]["capacity"]["pods"] == "77"
        cluster.kubectl("create", "configmap", f"sent-to-{name}", "--from-literal=word=heard", on=name)
        wait_until(
            partial(audits_its_content, cluster, name),
            30,
            f"the audit log of {name} to have the content of a ConfigMap",
        )
    assert "nothing changed" in cluster.create()


@pytest.mark.parametrize("name", ["v1.37-arp", "v1.37-bgp"])
def test_the_api_server_accepts_kube_vips_pod(cluster: Installed, name: str) -> None:
    """Checked by a real API server only: kube-vip's image is not in the lab."""
    output = cluster.kubectl("apply", "--dry-run=server", "-f", "-", text=(GOLDEN / f"{name}.yaml").read_text())
    assert "pod/kube-vip created (server dry run)" in output


def test_the_api_server_accepts_the_dns_cache(cluster: Installed) -> None:
    """As above: the cache's image is not in the lab."""
    document = load(cluster.document.read_text()).document
    assert document is not None
    output = cluster.kubectl("apply", "--dry-run=server", "-f", "-", text=node_dns(document))
    assert "daemonset.apps/nodelocaldns created (server dry run)" in output


@pytest.mark.parametrize("backend", ["vxlan", "wireguard"])
def test_the_api_server_accepts_flannels_objects(cluster: Installed, backend: str) -> None:
    """As above. The namespace is created first: a dry run stores nothing for later objects."""
    document = seed(network={"plugin": "flannel", "flannel": {"backendMode": backend}, **BOTH})
    namespace, *others = adapt_objects(document, flannel.objects(document))
    cluster.kubectl("apply", "--server-side", "-f", "-", text=dumped([namespace]))
    output = cluster.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", text=dumped(others))
    assert output.count("serverside-applied (server dry run)") == len(others)
    cluster.kubectl("delete", "namespace", flannel.NAMESPACE)


@pytest.mark.seldom
@pytest.mark.unmeasured
def test_an_interrupted_join_is_finished_by_the_next_run(cluster: Installed, lab_bundle: Path) -> None:
    """The state after kubeadm was killed on node3 between adding the member and writing etcd's pod."""
    cluster.lab.execute("node3", "mv /etc/kubernetes/manifests/etcd.yaml /root/")
    wait_until(lambda: not etcd_listens(cluster, "node3"), 60, "kubelet to end etcd on node3")
    cluster.lab.execute(
        "node3", "systemctl stop kubelet && rm -rf /var/lib/etcd-of-kubeadm /etc/kubernetes/kubelet.conf"
    )
    wait_until(lambda: "node3" not in cluster.ready_nodes(), 120, "node3 to be missed")
    cluster.create()
    wait_until(lambda: cluster.ready_nodes() == set(layouts.THREE), 120, "node3 to be Ready")
    wait_until(lambda: etcd_is_whole(cluster, lab_bundle), 60, "three voting members")
    assert "nothing changed" in cluster.create()


@pytest.mark.unmeasured
def test_a_dead_control_plane_is_replaced_by_another_machine(cluster: Installed, lab_bundle: Path) -> None:
    """The first listed machine is dead and removed from the document, a new one is listed in its place: one run."""
    cluster.hosts = cluster.lab.up(4)
    cluster.lab.kill("node1")
    wait_until(lambda: "node1" not in cluster.ready_nodes(on="node2"), 90, "the dead node to be noticed")
    fresh = cluster.host("node4")

    def edit(spec: dict[str, Any]) -> None:
        own = {"name": "node4", "address": fresh.address, "user": fresh.user, "password": fresh.password}
        spec["hosts"] = [own, *(host for host in spec["hosts"] if host["name"] != "node1")]
        spec["roleGroups"] |= {group: ["node4", "node2", "node3"] for group in ("master", "worker")}

    cluster.change(edit)
    log = cluster.create()
    assert "node1 is a node of the cluster and not in the document; it does not respond." in log
    assert "is not in the document and does not answer. This run removes it." in log
    assert {"node2", "node3", "node4"} <= cluster.ready_nodes(on="node4")
    members = etcdctl(cluster, lab_bundle, "member list", on="node4").splitlines()
    assert sorted(line.split(", ")[2] for line in members) == ["node2", "node3", "node4"]
    assert all("started" in line for line in members)
    assert "nothing changed" in cluster.create()
