"""What a kubelet's configuration may say, beside the files of the corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.config import rules
from clusters.config.gates import is_known, why_unknown
from clusters.config.kubeletfields import is_quantity, is_threshold, nearest_field
from tests.config.documents import seed_document

if TYPE_CHECKING:
    from clusters.config.finding import Finding


def found(version: str = "v1.34.2", args: tuple[str, ...] = (), **configuration: Any) -> list[Finding]:
    kubernetes = seed_document().kubernetes.model_copy(
        update={"version": version, "kubelet_args": args, "kubelet_configuration": configuration}
    )
    return [
        each for each in rules.check(seed_document(kubernetes=kubernetes)) if each.id.startswith("kubernetes.kubelet")
    ]


@pytest.mark.parametrize("text", ["1", "500m", "250Mi", "1.5Gi", "1e9", ".5", "0", "3k"])
def test_an_amount_is_a_number_with_a_suffix_of_kubernetes(text: str) -> None:
    assert is_quantity(text)


@pytest.mark.parametrize("value", ["", "100MB", "100 Mi", "1K", "-1", "10%", "1e", 1, None])
def test_what_else_looks_like_an_amount_is_none(value: object) -> None:
    assert not is_quantity(value)


def test_a_threshold_is_more_than_nothing_or_a_part_of_the_whole() -> None:
    assert all(is_threshold(text) for text in ("100Mi", "0%", "7.5%", "100%"))
    assert not any(is_threshold(value) for value in ("0", "0Mi", "100.5%", "-5%", "%", 5, True))


def test_a_field_that_is_misspelt_leads_to_the_right_one() -> None:
    assert nearest_field("imagegchighthreshold") == "imageGCHighThresholdPercent"
    assert nearest_field("resolveConf") == "resolvConf"
    assert nearest_field("nodeSelector") == ""
    (finding,) = found(evictionhard={})
    assert finding.severity.value == "warning" and finding.hint == "Did you mean evictionHard?"


def test_a_number_where_a_text_is_wanted_is_told_to_be_quoted() -> None:
    (finding,) = found(kubeReserved={"cpu": 1})
    assert finding.message == "kubeletConfiguration.kubeReserved.cpu is 1; the kubelet takes a text like 500m or 250Mi."
    assert finding.hint == "Write it in quotes."


def test_a_text_in_place_of_a_mapping_is_not_repeated() -> None:
    (finding,) = found(staticPodURLHeader="Bearer x1y2z3")
    assert "x1y2z3" not in finding.message + finding.found and finding.found == "a text"


def test_a_higher_threshold_below_the_usual_lower_one_ends_the_kubelet() -> None:
    (finding,) = found(imageGCHighThresholdPercent=75)
    assert "from 75% on, down to 80% where nothing is said of it" in finding.message
    assert not found(imageGCHighThresholdPercent=75, imageGCLowThresholdPercent=60)
    assert not found(imageGCLowThresholdPercent=60)


def test_a_grace_period_may_be_an_argument() -> None:
    soft = {"evictionSoft": {"memory.available": "300Mi"}}
    (finding,) = found(**soft)
    assert finding.id == "kubernetes.kubelet_soft_grace" and "evictionSoftGracePeriod" in finding.hint
    assert not found(args=("eviction-soft-grace-period=memory.available=1m30s",), **soft)
    assert not found(evictionSoftGracePeriod={"memory.available": "1m30s"}, **soft)


def test_the_switch_for_old_control_groups_came_with_1_31() -> None:
    assert not found("v1.31.1", failCgroupV1=False)
    (finding,) = found("v1.30.14", failCgroupV1=False)
    assert finding.severity.value == "warning" and "came with v1.31" in finding.message


def test_a_setting_that_is_taken_away_is_not_looked_at() -> None:
    assert not found(maxPods=None, evictionHard=None, imageGCHighThresholdPercent=None)


def test_a_gate_has_a_reason_just_where_it_is_not_known() -> None:
    for gate in ("NodeLease", "KubeletPSI", "NFTablesProxyMode", "NeverHeardOf"):
        for minor in range(20, 38):
            assert (why_unknown(gate, minor) is None) is is_known(gate, minor)
