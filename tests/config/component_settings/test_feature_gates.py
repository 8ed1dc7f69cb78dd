"""Which feature gates a Kubernetes version knows, and the findings about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.config import rules
from clusters.config.component_settings import feature_gate_lists, feature_gates
from tests.config.documents import seed_document

if TYPE_CHECKING:
    from clusters.config.finding import Finding

# For these, kubelet or API server 1.37 prints "unrecognized feature gate".
GONE_WITH_1_37 = (
    *("RetryGenerateName", "BtreeWatchCache", "OrderedNamespaceDeletion"),
    *("StreamingCollectionEncodingToJSON", "StreamingCollectionEncodingToProtobuf", "APIServerTracing"),
    *("ResilientWatchCacheInitialization", "ConsistentListFromCache", "PreventStaticPodAPIReferences"),
    *("AnyVolumeDataSource", "SidecarContainers", "StructuredAuthenticationConfiguration"),
)


@pytest.mark.parametrize("gate", GONE_WITH_1_37)
def test_what_1_37_does_not_know_any_more_1_36_still_knows(gate: str) -> None:
    assert feature_gates.is_known(gate, 36) and not feature_gates.is_known(gate, 37)


@pytest.mark.parametrize(("gate", "first"), [("KubeProxyIPVS", 37), ("DefaultPodSysctls", 37), ("PodsAPI", 36)])
def test_newer_gates_are_omitted_for_older_versions(gate: str, first: int) -> None:
    assert feature_gates.is_known(gate, first) and not feature_gates.is_known(gate, first - 1)


def test_a_gate_that_came_and_went_in_one_series_is_known_to_it_alone() -> None:
    assert [minor for minor in range(20, 38) if feature_gates.is_known("WorkloadAwarePreemption", minor)] == [36]


def test_no_gate_goes_before_it_comes() -> None:
    both = set(feature_gates.NEW_GATES) & set(feature_gates.REMOVED_GATES)
    assert [gate for gate in both if feature_gates.NEW_GATES[gate] >= feature_gates.REMOVED_GATES[gate]] == []


# Some of the 61 gates for which kubelet 1.37.2 prints "unrecognized feature gate", and that were assumed known.
REFUSED_BY_1_37_2 = (
    *("SeccompDefault", "PodSecurity", "TopologyManager", "CPUManager", "MemoryManager", "GRPCContainerProbe"),
    *("ReadWriteOncePod", "ValidatingAdmissionPolicy", "PodDisruptionConditions", "StatefulSetAutoDeletePVC"),
    *("ServiceInternalTrafficPolicy", "AppArmor", "TopologyAwareHints", "JobTrackingWithFinalizers"),
)


@pytest.mark.parametrize("gate", REFUSED_BY_1_37_2)
def test_what_the_newest_kubelet_refuses_is_not_believed_to_be_known(gate: str) -> None:
    assert not feature_gates.is_known(gate, 37) and not feature_gates.is_known(gate, 36)


@pytest.mark.parametrize("minor", feature_gate_lists.TAKEN)
def test_of_a_minor_that_was_asked_just_its_list_is_known(minor: int) -> None:
    taken = {*feature_gate_lists.TAKEN[minor].split(), *feature_gates.OF_A_STAGE}
    assert {gate for gate in feature_gates.LISTED if feature_gates.is_known(gate, minor)} == taken


def test_a_gate_removed_at_an_unknown_time_is_refused_only_if_certain() -> None:
    assert [minor for minor in range(20, 38) if not feature_gates.is_known("CPUManager", minor)] == [36, 37]
    assert [minor for minor in range(20, 38) if feature_gates.is_known("SeccompDefault", minor)] == [*range(22, 29)]


def test_no_component_knows_a_gate_of_kubeadms_own() -> None:
    assert not any(feature_gates.is_known("PublicKeysECDSA", minor) for minor in range(20, 38))


def test_all_gates_of_a_stage_are_known_to_every_version() -> None:
    assert all(feature_gates.is_taken("AllAlpha", True, minor) for minor in range(20, 38))


def found(version: str, **keys: Any) -> list[Finding]:
    kubernetes = seed_document().kubernetes.model_copy(update={"version": version, **keys})
    findings = rules.check(seed_document(kubernetes=kubernetes))
    return [each for each in findings if "gate" in each.id]


def test_each_place_that_sets_a_gate_is_checked() -> None:
    switch = {"featureGates": {"SeccompDefault": True}}
    line = ("v=2", "feature-gates=NodeSwap=true,SeccompDefault=true")
    findings = found(
        "v1.37.2",
        feature_gates={"SeccompDefault": True},
        kubelet_configuration=switch,
        kube_proxy_configuration=switch,
        apiserver_args=line,
        controller_manager_args=("--feature-gates=SeccompDefault=true",),
        scheduler_args=line,
        kubelet_args=line,
        kube_proxy_args=line,
    )
    assert {each.severity.value for each in findings} == {"error"}
    assert {each.path.removeprefix("spec.kubernetes.") for each in findings} == {
        *("featureGates.SeccompDefault", "kubeletConfiguration.featureGates.SeccompDefault"),
        *("kubeProxyConfiguration.featureGates.SeccompDefault", "apiserverArgs.1", "controllerManagerArgs.0"),
        *("schedulerArgs.1", "kubeletArgs.1", "kubeProxyArgs.1"),
    }
    assert {each.id for each in findings if each.waivable} == {"compat.feature_gate"}


def test_a_gate_in_no_list_is_a_warning_in_every_version() -> None:
    for version in ("v1.20.2", "v1.28.15", "v1.37.2"):
        (finding,) = found(version, feature_gates={"NoSuchGate": True})
        assert (finding.id, finding.severity.value) == ("kubernetes.gate_unlisted", "warning")


def test_a_gate_that_cannot_be_switched_is_refused_with_the_other_value_alone() -> None:
    (finding,) = found("v1.36.3", feature_gates={"SidecarContainers": False})
    assert "locked to true in v1.36" in finding.message and finding.allowed == "true"
    (finding,) = found("v1.37.2", kubelet_args=("feature-gates=DeclarativeValidationTakeover=true",))
    assert finding.allowed == "false"
    assert not found("v1.36.3", feature_gates={"SidecarContainers": True})


def test_a_gate_of_a_kube_proxy_that_is_not_there_does_not_matter() -> None:
    assert not found("v1.37.2", kube_proxy_args=("feature-gates=SeccompDefault=true",), disable_kube_proxy=True)
