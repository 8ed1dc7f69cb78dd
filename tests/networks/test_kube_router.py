"""kube-router on one control plane and two workers: judged as every network plugin is."""

from __future__ import annotations

import pytest

from tests.ha.layouts import Layout
from tests.networks.judged import (
    addresses,
    test_a_policy_denies_and_allows,
    test_a_second_run_changes_nothing,
    test_every_node_is_ready,
    test_pods_of_different_nodes_reach_each_other,
    test_services_answer_pods_and_nodes,
    test_upstreams_tests_of_network_policies_pass,
)

__all__ = [
    "addresses",
    "test_a_policy_denies_and_allows",
    "test_a_second_run_changes_nothing",
    "test_every_node_is_ready",
    "test_pods_of_different_nodes_reach_each_other",
    "test_services_answer_pods_and_nodes",
    "test_upstreams_tests_of_network_policies_pass",
]
pytestmark = [pytest.mark.lab, pytest.mark.seldom, pytest.mark.timeout(2400)]

PLUGIN = "kube-router"
LAYOUT = Layout(
    "kube-router",
    ("node1",),
    ("node1",),
    ("node2", "node3"),
    more={
        "network": {
            "plugin": PLUGIN,
            "kubePodsCIDR": "10.233.64.0/18",
            "kubeServiceCIDR": "10.233.0.0/18",
            # The lab's kernel has no IP-in-IP; its hosts are in one network, where the default makes no tunnel either.
            PLUGIN: {"enableOverlay": False},
        }
    },
)
UNSUPPORTED: dict[str, str] = {}
