"""net.foreign_cni: networks for pods that other software has set up on a machine."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from clusters.catalog.prechecks.network import cni
from clusters.engine.check import CHECKS
from clusters.remote.facts import Address
from tests.catalog.prechecks.findings import found
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from clusters.config.finding import Finding

ETH = Address("eth0", "10.99.0.12")


def findings(
    archive: Path, monkeypatch: pytest.MonkeyPatch, files: str = "", *, claimed: bool = False, **facts: Any
) -> list[Finding]:
    """What is found on node2, which is not a node yet and has these files for pods' networks."""
    cluster, hosts, _ = pretend(monkeypatch, archive, node2=facts)
    hosts["node2"].answer("kubelet.conf", 1)
    hosts["node2"].answer("cluster.json", 0 if claimed else 1)
    hosts["node2"].answer("/etc/cni/net.d/", files)
    return found("net.foreign_cni", cluster, "node2")


def test_a_file_of_another_pod_network_is_named_with_its_removal(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (finding,) = findings(archive, monkeypatch, "/etc/cni/net.d/10-weave.conflist\n")
    assert finding.severity.value == "error"
    assert finding.message.startswith("node2 has /etc/cni/net.d/10-weave.conflist, which Slipway did not create.")
    assert finding.hint.endswith("rm /etc/cni/net.d/10-weave.conflist")
    assert not findings(archive, monkeypatch)
    assert not findings(archive, monkeypatch, "/etc/cni/net.d/10-slipway-bridge.conflist\n", claimed=True)


def test_a_bridge_with_another_network_is_named_with_its_removal(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = (ETH, Address("cni0", "10.244.3.1"), Address("cni-podman0", "10.88.0.1"), Address("docker0", "172.17.0.1"))
    for claimed in (False, True):
        (finding,) = findings(archive, monkeypatch, claimed=claimed, addresses=left)
        assert "node2 is not a node, but has the interface cni0 with the address 10.244.3.1" in finding.message
        assert finding.hint.endswith("ip link delete cni0")
    (finding,) = findings(archive, monkeypatch, addresses=(ETH, Address("kube-ipvs0", "10.96.0.1")))
    assert "kube-ipvs0" in finding.message


def test_a_node_keeps_the_networks_of_its_cluster(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, node2={"addresses": (ETH, Address("cni0", "10.233.65.1"))})
    hosts["node2"].answer("/etc/cni/net.d/", "/etc/cni/net.d/10-slipway-bridge.conflist\n")
    assert not found("net.foreign_cni", cluster, "node2")


def test_your_own_pod_network_may_be_there_already() -> None:
    when = CHECKS.checks["net.foreign_cni"].when
    assert when is not None and when(seed()) and not when(seed(network={"plugin": "none"}))


def test_only_files_that_a_runtime_reads_count(tmp_path: Path) -> None:
    for name in ("10-a.conflist", "87-b.conf", "c.json", "200-loopback.conflist", "d.conflist.disabled"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "empty.conf").touch()
    text = cni._CONFIGURATIONS.text.replace("/etc/cni/net.d", shlex.quote(str(tmp_path)))
    output = subprocess.run(["/bin/sh", "-c", text], capture_output=True, text=True, check=True).stdout
    assert [each.rpartition("/")[2] for each in output.split()] == ["87-b.conf", "10-a.conflist", "c.json"]
