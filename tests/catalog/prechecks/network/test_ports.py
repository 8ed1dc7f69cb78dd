"""Ports in use and active firewalls are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.catalog.prechecks.findings import Case, expect_measured, found
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "case",
    [
        ("net.ports_free", "node1", {"listening": (22, 6443)}, "error", "listens on 6443"),
        ("net.ports_free", "node2", {"listening": (10248,)}, "error", "10248 (kubelet's health check)"),
        ("net.ports_free", "node2", {"listening": (10249, 10256)}, "error", "10256 (kube-proxy's health check)"),
        ("net.ports_free", "node2", {"listening": (8081, 6443)}, "", ""),
    ],
)
def test_a_bad_machine_is_reported_with_what_was_measured(
    case: Case, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_measured(case, archive, monkeypatch)


def test_an_active_firewall_is_told_with_the_ports_of_the_machine(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(network={"plugin": "flannel"}))
    hosts["node1"].answer("is-active --quiet firewalld", "firewalld\n")
    (finding,) = found("os.firewall", cluster)
    assert finding.message.startswith("firewalld is active on node1; Slipway does not change its rules.")
    assert "2379/tcp, 2380/tcp, 6443/tcp, 10250/tcp, 10257/tcp, 10259/tcp, 8472/udp" in finding.message
    assert not found("os.firewall", cluster, "node2")


def test_the_ports_of_a_workers_own_balancer_are_free(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = seed(controlPlaneEndpoint={"internalLoadbalancer": "haproxy", "port": 7443})
    taken = {"listening": (7443, 8081)}
    cluster, _, _ = pretend(monkeypatch, archive, document, node1={"listening": (8081,)}, node2=taken)
    (finding,) = found("net.ports_free", cluster, "node2")
    balancer = "(the local load balancer)"
    assert f"already listens on 7443 {balancer}, 8081 {balancer}." in finding.message
    assert not found("net.ports_free", cluster, "node1"), "the balancer runs on workers only"


def test_a_port_that_the_document_moves_elsewhere_may_be_taken(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = {"kubeProxyArgs": ["healthz-bind-address=127.0.0.1:9"], "kubeletConfiguration": {"healthzPort": 9}}
    cluster, _, _ = pretend(monkeypatch, archive, seed(kubernetes=moved), node2={"listening": (10248, 10256)})
    assert not found("net.ports_free", cluster, "node2")
