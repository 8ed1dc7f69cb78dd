"""Kubernetes 1.20.2, from a document of its era: KubeKey 1's dialect, with ports and counts as quoted text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ha import layouts
from tests.ha.installed import prepare, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ha.installed import Installed
    from tests.lab.hosts import LabHost
    from tests.lab.lab import Lab

pytestmark = [pytest.mark.seed_era, pytest.mark.lab, pytest.mark.timeout(900)]

DOCUMENT = """\
apiVersion: kubekey.kubesphere.io/v1alpha1
kind: Cluster
metadata:
  name: sample
spec:
  hosts:
{hosts}
  roleGroups:
    etcd:
    - node1
    master:
    - node1
    worker:
    - node2
    - node3
  controlPlaneEndpoint:
    domain: lb.kubesphere.local
    address: ""
    port: "6443"
  kubernetes:
    version: v1.20.2
    imageRepo: kubesphere
    clusterName: cluster.local
    masqueradeAll: false
    maxPods: "110"
    nodeCidrMaskSize: "24"
    proxyMode: iptables
    containerManager: containerd
  network:
    plugin: bridge
    kubePodsCIDR: 10.233.64.0/18
    kubeServiceCIDR: 10.233.0.0/18
  registry:
    registryMirrors: []
    insecureRegistries: []
  addons: []
"""


def host_line(host: LabHost) -> str:
    """A machine as KubeKey 1's example writes it."""
    return (
        f"  - {{name: {host.name}, address: {host.address}, internalAddress: {host.address}, "
        f"user: {host.user}, password: {host.password}}}"
    )


def test_a_document_of_its_time_installs_and_a_second_run_changes_nothing(
    lab: Lab, seed_era_bundle: Path, tmp_path: Path
) -> None:
    cluster = prepare(lab, layouts.THREE_MACHINES, seed_era_bundle, tmp_path)
    cluster.document.write_text(DOCUMENT.format(hosts="\n".join(map(host_line, cluster.hosts))))
    cluster.create()
    nodes = cluster.kubectl_json("get", "nodes")["items"]
    assert cluster.ready_nodes() == set(layouts.THREE)
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == {layouts.SEED_ERA}
    wait_until(lambda: _answers(cluster), 60, "the cluster's DNS to be there")
    assert "nothing changed" in cluster.create()


def _answers(cluster: Installed) -> bool:
    deployment = cluster.kubectl_json("get", "deployment", "coredns", "-n", "kube-system")
    return bool(deployment["status"].get("availableReplicas", 0) == deployment["spec"]["replicas"])
