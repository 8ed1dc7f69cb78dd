"""Which feature gates a version of Kubernetes knows."""

from __future__ import annotations

import pytest

from clusters.config import gates

# Of these kubeadm, kubelet or API server 1.37 says "unrecognized feature gate".
GONE_WITH_1_37 = (
    *("NodeLocalCRISocket", "PublicKeysECDSA", "RetryGenerateName", "BtreeWatchCache", "OrderedNamespaceDeletion"),
    *("StreamingCollectionEncodingToJSON", "StreamingCollectionEncodingToProtobuf", "APIServerTracing"),
    *("ResilientWatchCacheInitialization", "ConsistentListFromCache", "PreventStaticPodAPIReferences"),
    *("AnyVolumeDataSource", "SidecarContainers", "StructuredAuthenticationConfiguration"),
)


@pytest.mark.parametrize("gate", GONE_WITH_1_37)
def test_what_1_37_does_not_know_any_more_1_36_still_knows(gate: str) -> None:
    assert gates.is_known(gate, 36) and not gates.is_known(gate, 37)


@pytest.mark.parametrize(("gate", "first"), [("KubeProxyIPVS", 37), ("DefaultPodSysctls", 37), ("PodsAPI", 36)])
def test_what_came_late_is_not_told_to_older_versions(gate: str, first: int) -> None:
    assert gates.is_known(gate, first) and not gates.is_known(gate, first - 1)


def test_a_gate_that_came_and_went_in_one_series_is_known_to_it_alone() -> None:
    assert [minor for minor in range(20, 38) if gates.is_known("WorkloadAwarePreemption", minor)] == [36]


def test_no_gate_goes_before_it_comes() -> None:
    both = set(gates.NEW_GATES) & set(gates.REMOVED_GATES)
    assert [gate for gate in both if gates.NEW_GATES[gate] >= gates.REMOVED_GATES[gate]] == []
