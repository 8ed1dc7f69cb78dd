"""Rules on the kubelet's configuration that the files of the corpus do not cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.config import rules
from clusters.config.component_settings.feature_gates import is_known, why_unknown
from clusters.config.component_settings.kubelet_fields import is_quantity, is_threshold, nearest_field
from tests.config.documents import seed_document

if TYPE_CHECKING:
    from clusters.config.finding import Finding


def found(version: str = "v1.34.2", args: tuple[str, ...] = (), **configuration: Any) -> list[Finding]:
    kubernetes = seed_document().kubernetes.model_copy(
        update={"version": version, "kubelet_args": args, "kubelet_configuration": configuration}
    )
    findings = rules.check(seed_document(kubernetes=kubernetes))
    return [each for each in findings if each.id.startswith(("kubernetes.kubelet", "kubernetes.max_pods"))]


@pytest.mark.parametrize("text", ["1", "500m", "250Mi", "1.5Gi", "1e9", ".5", "0", "3k"])
def test_an_amount_is_a_number_with_a_suffix_of_kubernetes(text: str) -> None:
    assert is_quantity(text)


@pytest.mark.parametrize("value", ["", "100MB", "100 Mi", "1K", "-1", "10%", "1e", 1, None])
def test_other_texts_that_look_like_amounts_are_refused(value: object) -> None:
    assert not is_quantity(value)


def test_a_threshold_is_more_than_nothing_or_a_part_of_the_whole() -> None:
    assert all(is_threshold(text) for text in ("100Mi", "0%", "7.5%", "100%"))
    assert not any(is_threshold(value) for value in ("0", "0Mi", "100.5%", "-5%", "%", 5, True))


def test_a_misspelled_field_gets_the_right_one_as_hint() -> None:
    assert nearest_field("imagegchighthreshold") == "imageGCHighThresholdPercent"
    assert nearest_field("resolveConf") == "resolvConf"
    assert nearest_field("nodeSelector") == ""
    (finding,) = found(evictionhard={})
    assert finding.severity.value == "warning" and finding.hint == "Did you mean evictionHard?"


def test_a_number_in_place_of_a_text_gets_a_hint_to_quote_it() -> None:
    (finding,) = found(kubeReserved={"cpu": 1})
    assert (
        finding.message == "kubeletConfiguration.kubeReserved.cpu is 1; the kubelet accepts a text like 500m or 250Mi."
    )
    assert finding.hint == "Write it in quotes."


def test_a_text_in_place_of_a_mapping_is_not_repeated() -> None:
    (finding,) = found(staticPodURLHeader="Bearer x1y2z3")
    assert "x1y2z3" not in finding.message + finding.found and finding.found == "a text"


def test_a_higher_threshold_below_the_usual_lower_one_ends_the_kubelet() -> None:
    (finding,) = found(imageGCHighThresholdPercent=75)
    assert "starts at 75% and stops at 80% (default)" in finding.message
    assert not found(imageGCHighThresholdPercent=75, imageGCLowThresholdPercent=60)
    assert not found(imageGCLowThresholdPercent=60)


def test_a_grace_period_may_be_an_argument() -> None:
    soft = {"memory.available": "300Mi"}
    (finding,) = found(evictionSoft=soft)
    assert finding.id == "kubernetes.kubelet_soft_grace" and "evictionSoftGracePeriod" in finding.hint
    assert not found(args=("eviction-soft-grace-period=memory.available=1m30s",), evictionSoft=soft)
    assert not found(evictionSoftGracePeriod={"memory.available": "1m30s"}, evictionSoft=soft)


def test_the_switch_for_old_control_groups_came_with_1_31() -> None:
    assert not found("v1.31.1", failCgroupV1=False)
    (finding,) = found("v1.30.14", failCgroupV1=False)
    assert finding.severity.value == "warning" and "was added in v1.31" in finding.message


def test_a_setting_removed_by_null_is_not_checked() -> None:
    assert not found(maxPods=None, evictionHard=None, imageGCHighThresholdPercent=None)


def test_a_gate_has_a_reason_just_where_it_is_not_known() -> None:
    for gate in ("NodeLease", "KubeletPSI", "NFTablesProxyMode", "NeverHeardOf"):
        for minor in range(20, 38):
            assert (why_unknown(gate, minor) is None) is is_known(gate, minor)


# What kubelet 1.37.2 refused: a value of another kind, or one that its validation names.
REFUSED = [
    ({"enforceNodeAllocatable": ["pods", "system-reserved"]}, "enforceNodeAllocatable.1"),
    ({"enforceNodeAllocatable": ["pod"]}, "enforceNodeAllocatable.0"),
    ({"evictionMinimumReclaim": {"nodefs.available": 10}}, 'evictionMinimumReclaim."nodefs.available"'),
    ({"containerLogMaxFiles": 1}, "containerLogMaxFiles"),
    ({"topologyManagerPolicy": "best"}, "topologyManagerPolicy"),
    ({"topologyManagerScope": "node"}, "topologyManagerScope"),
    ({"hairpinMode": "veth"}, "hairpinMode"),
    ({"imageMinimumGCAge": "five"}, "imageMinimumGCAge"),
    ({"syncFrequency": "60"}, "syncFrequency"),
    ({"memorySwap": {"swapBehavior": "UnlimitedSwap"}}, "memorySwap.swapBehavior"),
    ({"readOnlyPort": 99999999}, "readOnlyPort"),
    ({"oomScoreAdj": 5000}, "oomScoreAdj"),
    ({"authentication": {"anonymous": True}}, "authentication.anonymous"),
    ({"clusterDNS": [1]}, "clusterDNS.0"),
    ({"registerWithTaints": ["a"]}, "registerWithTaints.0"),
    ({"topologyManagerPolicyOptions": {"a": True}}, "topologyManagerPolicyOptions.a"),
]


@pytest.mark.parametrize(("configuration", "path"), REFUSED)
def test_what_the_kubelet_refuses_is_found_where_it_stands(configuration: dict[str, Any], path: str) -> None:
    (finding,) = found("v1.37.2", **configuration)
    assert finding.severity.value == "error"
    assert finding.path == f"spec.kubernetes.kubeletConfiguration.{path}"


def test_what_the_kubelet_takes_is_not_refused() -> None:
    assert not found(
        "v1.37.2",
        enforceNodeAllocatable=["pods", "system-reserved", "kube-reserved-compressible"],
        systemReservedCgroup="/system.slice",
        kubeReservedCgroup="/kube.slice",
        evictionMinimumReclaim={"nodefs.available": "500Mi", "imagefs.available": "5%"},
        containerLogMaxFiles=2,
        topologyManagerPolicy="",
        imageMinimumGCAge="1h30m0.5s",
        syncFrequency="0",
        memorySwap={"swapBehavior": ""},
        readOnlyPort=0,
        authentication={"anonymous": {"enabled": False}, "webhook": {"cacheTTL": "2m0s"}},
    )
    assert not found("v1.28.15", memorySwap={"swapBehavior": "UnlimitedSwap"})
    own = ("system-reserved-cgroup=/system.slice",)
    assert not found("v1.37.2", args=own, enforceNodeAllocatable=["system-reserved"])


@pytest.mark.parametrize(
    ("version", "field", "value"),
    [
        ("v1.28.15", "crashLoopBackOff", {}),
        ("v1.20.2", "memorySwap", {}),
        ("v1.20.2", "tracing", {}),
        ("v1.20.2", "userNamespaces", {}),
        ("v1.20.2", "imageMaximumGCAge", "1h"),
    ],
)
def test_a_field_that_came_later_is_left_out_by_an_older_kubelet(version: str, field: str, value: Any) -> None:
    (finding,) = found(version, **{field: value})
    assert (finding.id, finding.severity.value) == ("kubernetes.kubelet_field_new", "warning")
    assert not found("v1.37.2", **{field: value})


@pytest.mark.parametrize(
    ("flag", "refusing", "taking"),
    [
        ("pod-infra-container-image", "v1.35.8", "v1.34.11"),
        ("keep-terminated-pod-volumes", "v1.32.13", "v1.31.14"),
        ("container-runtime", "v1.37.2", "v1.20.2"),
        ("network-plugin", "v1.36.3", "v1.20.2"),
        ("storage-driver-user", "v1.37.2", "v1.36.3"),
        ("fail-cgroupv1", "v1.30.14", "v1.31.14"),
    ],
)
def test_a_flag_is_held_against_the_kubelet_of_the_version(flag: str, refusing: str, taking: str) -> None:
    (finding,) = found(refusing, args=("v=2", f"--{flag}=x"))
    assert (finding.id, finding.path) == ("kubernetes.kubelet_flag", "spec.kubernetes.kubeletArgs.1")
    assert not found(taking, args=("v=2", f"--{flag}=x"))


def test_the_effective_number_of_pods_is_checked_against_the_node_network() -> None:
    (finding,) = found(maxPods=1000)
    assert (finding.id, finding.path) == (
        "kubernetes.max_pods_too_many",
        "spec.kubernetes.kubeletConfiguration.maxPods",
    )
    (finding,) = found(args=("max-pods=1000",), maxPods=100)
    assert finding.path == "spec.kubernetes.kubeletArgs.0"
    assert not found(args=("max-pods=100",), maxPods=1000)
