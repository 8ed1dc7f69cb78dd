"""Differences between Kubernetes versions."""

from __future__ import annotations

from datetime import date

import pytest

from clusters.config import kubernetes_versions
from clusters.errors import ConfigError
from tests.plans import newest_patches

# What `kubeadm config images list` prints: from this patch on, until the next line. Source: minikube's table of it,
# pkg/minikube/constants/constants_kubeadm_images.go, read in August 2026 for every patch from 1.20.0 to 1.36.3; of 1.37
# the constants of kubeadm 1.37.2.
KUBEADM_IMAGES = """
1.20.0  pause:3.2     coredns:1.7.0
1.21.0  pause:3.4.1   coredns/coredns:v1.8.0
1.22.0  pause:3.5     coredns/coredns:v1.8.4
1.23.0  pause:3.6     coredns/coredns:v1.8.6
1.24.0  pause:3.7     coredns/coredns:v1.8.6
1.25.0  pause:3.8     coredns/coredns:v1.9.3
1.26.0  pause:3.9     coredns/coredns:v1.9.3
1.27.0  pause:3.9     coredns/coredns:v1.10.1
1.28.0  pause:3.9     coredns/coredns:v1.10.1
1.29.0  pause:3.9     coredns/coredns:v1.11.1
1.30.0  pause:3.9     coredns/coredns:v1.11.1
1.30.5  pause:3.9     coredns/coredns:v1.11.3
1.31.0  pause:3.10    coredns/coredns:v1.11.1
1.31.1  pause:3.10    coredns/coredns:v1.11.3
1.32.0  pause:3.10    coredns/coredns:v1.11.3
1.33.0  pause:3.10    coredns/coredns:v1.12.0
1.34.0  pause:3.10.1  coredns/coredns:v1.12.1
1.35.0  pause:3.10.1  coredns/coredns:v1.13.1
1.36.0  pause:3.10.2  coredns/coredns:v1.14.2
1.37.0  pause:3.10.2  coredns/coredns:v1.14.6
"""

# The last patch of each series: minikube's list of releases in August 2026; the first twelve are ended for good
# (data/releases/eol.yaml of kubernetes.io, except 1.29.15, which was published after that table's last line on 1.29).
# Of 1.37 the patch that was run.
LAST = (15, 14, 17, 17, 17, 16, 15, 16, 15, 15, 14, 14, 13, 13, 11, 8, 4, 2)
LAST_PATCHES = dict(zip(range(20, 38), LAST, strict=True))

# Versions of parts of which kubespray's or KubeKey's tables have checksums for amd64 and arm64; and those that ran here
# as they were built from their Go modules, beside 1.37.2: crictl 1.37.0 and etcd 3.7.0.
PUBLISHED_CRICTL = (
    *("1.20.0", "1.21.0", "1.22.0", "1.23.0", "1.24.0", "1.24.2", "1.25.0", "1.26.0", "1.26.1", "1.27.0", "1.27.1"),
    *("1.28.0", "1.29.0", "1.30.0", "1.30.1", "1.31.0", "1.31.1", "1.32.0", "1.33.0", "1.34.0", "1.35.0", "1.36.0"),
    "1.37.0",
)
PUBLISHED_ETCD = (
    "3.4.13",
    *(f"3.5.{patch}" for patch in range(6, 34)),
    *(f"3.6.{patch}" for patch in range(15)),
    "3.7.0",
)


def images_of(version: kubernetes_versions.Version) -> list[str]:
    """A version's images in the published table, without their repository."""
    lines = [line.split() for line in KUBEADM_IMAGES.strip().splitlines()]
    return [line for line in lines if kubernetes_versions.parse_version(line[0]) <= version][-1][1:]


def test_every_version_asks_for_the_images_that_kubeadm_asks_for() -> None:
    known = kubernetes_versions.known_versions()
    assert len(known) == sum(last + 1 for last in LAST_PATCHES.values())
    for text in known:
        facts = kubernetes_versions.facts_of(text)
        asked = [each.removeprefix(f"{facts.image_repository}/") for each in (facts.pause_image, facts.coredns_image)]
        assert asked == images_of(facts.version), text


def test_the_last_patch_of_every_series_is_the_published_one() -> None:
    assert newest_patches() == tuple(f"v1.{minor}.{LAST_PATCHES[minor]}" for minor in sorted(LAST_PATCHES)[::-1])
    for text in newest_patches():
        assert kubernetes_versions.is_known(text)
        assert str(kubernetes_versions.facts_of(text).version) == text


def test_parts_are_of_versions_that_were_published() -> None:
    for text in newest_patches():
        facts = kubernetes_versions.facts_of(text)
        assert facts.crictl in PUBLISHED_CRICTL and facts.etcd in PUBLISHED_ETCD
        assert facts.crictl.split(".")[:2] == text.removeprefix("v").split(".")[:2]


def test_containerd_1_ends_with_kubernetes_1_35() -> None:
    assert kubernetes_versions.facts_of("v1.35.0").containerd.startswith("1.7.")
    assert kubernetes_versions.facts_of("v1.36.0").containerd.startswith("2.3.")
    assert kubernetes_versions.facts_of("v1.37.2").containerd.startswith("2.3.")


def test_what_1_37_is_made_of() -> None:
    """The values of kubeadm's constants PauseVersion, CoreDNSVersion, DefaultEtcdVersion."""
    facts = kubernetes_versions.facts_of("v1.37.2")
    assert facts.pause_image == "registry.k8s.io/pause:3.10.2"
    assert facts.coredns_image == "registry.k8s.io/coredns/coredns:v1.14.6"
    assert kubernetes_versions.etcd_image(facts.version) == "registry.k8s.io/etcd:3.7.0-0"
    assert (facts.etcd, facts.crictl, facts.kubeadm_api) == ("3.7.0", "1.37.0", "v1beta4")


@pytest.mark.parametrize("text", ["v1.19.0", "v1.38.0", "v1.20.16", "v1.20", "1.20.2-rc.1", "latest", "", "v2.0.0"])
def test_what_does_not_exist_is_unknown_and_something_near_is_proposed(text: str) -> None:
    assert not kubernetes_versions.is_known(text)
    assert kubernetes_versions.is_known(kubernetes_versions.nearest(text))
    with pytest.raises(ConfigError):
        kubernetes_versions.facts_of(text)


def test_the_nearest_version_is_of_the_same_series() -> None:
    assert kubernetes_versions.nearest("v1.20.99") == "v1.20.15"
    assert kubernetes_versions.nearest("1.24") == "v1.24.17"
    assert kubernetes_versions.nearest("v1.18.6") == "v1.20.15"


@pytest.mark.parametrize(
    ("text", "message", "allowed"),
    [
        ("v1.33.14", "Kubernetes v1.33.14 does not exist: the series v1.33 ended with v1.33.13", "v1.33.0 to v1.33.13"),
        (
            "v1.38.0",
            "Kubernetes v1.38.0 is newer than Slipway knows: Slipway installs v1.20 to v1.37",
            "v1.20 to v1.37",
        ),
        ("v1.17.9", "Kubernetes v1.17.9 is too old: Slipway installs v1.20 to v1.37", "v1.20 to v1.37"),
        (
            "v1.21.6-k3s",
            "'v1.21.6-k3s' is a version of k3s, which is not built; Slipway installs Kubernetes",
            "v1.20 to v1.37",
        ),
        (
            "v1.27.4+rke2r1",
            "'v1.27.4+rke2r1' is a version of rke2, which is not built; Slipway installs Kubernetes",
            "v1.20 to v1.37",
        ),
        (
            "v1.36.0-rc.1",
            "'v1.36.0-rc.1' is a pre-release; Slipway installs releases of v1.20 to v1.37",
            "v1.20 to v1.37",
        ),
        ("v1.37", "'v1.37' is not a Kubernetes version; expected three numbers with dots", "v1.20 to v1.37"),
    ],
)
def test_why_a_version_is_unknown_names_a_range_that_it_is_not_in(text: str, message: str, allowed: str) -> None:
    assert kubernetes_versions.why_unknown(text) == (message, allowed)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("v1.18.6", "Use v1.20.15 or newer."),
        ("v1.21.6-k3s", "Use a version like v1.21.14."),
        ("v1.33.14", "Did you mean v1.33.13?"),
    ],
)
def test_what_to_use_instead_fits_what_is_wrong_with_a_version(text: str, sentence: str) -> None:
    assert kubernetes_versions.instead_of(text) == sentence


@pytest.mark.parametrize("text", ["v1.037.2", "01.37.2", "v1.37.\u0662", "v1.37.2-rc.1", "1.37", "vv1.37.2"])
def test_a_text_that_only_looks_like_a_version_is_not_one(text: str) -> None:
    assert not kubernetes_versions.is_known(text) and kubernetes_versions.spelled(f" {text} ") == text
    assert kubernetes_versions.is_known(kubernetes_versions.nearest(text))


@pytest.mark.parametrize("text", ["1.37.2", " v1.37.2 ", "v1.37.2\n", "v1.37.2"])
def test_a_version_has_one_spelling(text: str) -> None:
    assert kubernetes_versions.spelled(text) == "v1.37.2"


def test_what_ran_beside_a_proven_version_is_on_record() -> None:
    assert tuple(kubernetes_versions.PROVEN_WITH) == kubernetes_versions.PROVEN


def test_a_patch_newer_than_the_table_is_recognized() -> None:
    assert kubernetes_versions.is_newer_than_the_table("v1.37.999") and not kubernetes_versions.is_newer_than_the_table(
        "v1.37.2"
    )
    assert not kubernetes_versions.is_newer_than_the_table(
        "v1.33.14"
    ) and not kubernetes_versions.is_newer_than_the_table("v1.38.0")


def test_a_new_patch_of_a_living_series_is_believed() -> None:
    assert kubernetes_versions.is_known("v1.36.9") and kubernetes_versions.is_known("v1.37.3")
    assert not kubernetes_versions.is_known("v1.33.14")


def test_the_end_of_a_series_does_not_make_its_last_patch_final() -> None:
    assert kubernetes_versions.is_known("v1.34.99")
    found = kubernetes_versions.standing_of("v1.34.99", date(2026, 11, 28))
    assert found == kubernetes_versions.Standing(proven=False, ended=date(2026, 10, 27))


@pytest.mark.parametrize(
    ("text", "proven", "ended"),
    [
        ("v1.37.2", True, None),
        ("1.37.2", True, None),
        ("v1.37.1", False, None),
        ("v1.37.9", False, None),
        ("v1.36.3", True, None),
        ("v1.36.4", False, None),
        ("v1.33.0", False, date(2026, 6, 28)),
        ("v1.20.2", True, date(2022, 2, 28)),
        ("v1.20.15", False, date(2022, 2, 28)),
    ],
)
def test_proven_and_ended_are_two_things(text: str, proven: bool, ended: date | None) -> None:
    assert kubernetes_versions.standing_of(text, date(2026, 11, 28)) == kubernetes_versions.Standing(proven, ended)


@pytest.mark.parametrize("text", ["v1.38.0", "v1.20.99", "latest", ""])
def test_an_unknown_version_has_no_standing(text: str) -> None:
    assert kubernetes_versions.standing_of(text, date(2026, 11, 28)) is None


def test_a_series_is_maintained_until_the_end_of_its_last_day() -> None:
    for today, ended in ((date(2027, 6, 28), None), (date(2027, 6, 29), date(2027, 6, 28))):
        assert kubernetes_versions.standing_of("v1.36.3", today) == kubernetes_versions.Standing(
            proven=True, ended=ended
        )


def test_each_series_ends_after_the_previous_one_and_is_final_only_then() -> None:
    later = date(2099, 1, 1)
    ends = [found.ended for text in newest_patches() if (found := kubernetes_versions.standing_of(text, later))]
    assert None not in ends and ends == sorted(ends, key=str, reverse=True) and len(set(ends)) == len(LAST)


def test_the_newest_proven_version_of_some() -> None:
    assert kubernetes_versions.newest_proven() == kubernetes_versions.PROVEN[0] == "v1.37.2"
    assert list(kubernetes_versions.PROVEN) == sorted(
        kubernetes_versions.PROVEN, key=kubernetes_versions.parse_version, reverse=True
    )
    assert kubernetes_versions.newest_proven(("v1.36.4", "1.36.3", "v1.20.2")) == "1.36.3"
    assert kubernetes_versions.newest_proven(("v1.36.4", "latest")) == kubernetes_versions.newest_proven(()) == ""


def test_versions_are_compared_as_numbers() -> None:
    assert kubernetes_versions.parse_version("v1.9.0") < kubernetes_versions.parse_version("1.10.0")
    assert kubernetes_versions.parse_version("1.20.2") == kubernetes_versions.parse_version("v1.20.2")
    assert kubernetes_versions.parse_version("v1.20.10") > kubernetes_versions.parse_version("v1.20.9")


@pytest.mark.parametrize(
    ("text", "api", "labels", "taints", "repository", "dockershim"),
    [
        ("v1.20.2", "v1beta2", "master control-plane", "master", "k8s.gcr.io", True),
        ("v1.21.14", "v1beta2", "master control-plane", "master", "k8s.gcr.io", True),
        ("v1.22.0", "v1beta3", "master control-plane", "master", "k8s.gcr.io", True),
        ("v1.22.16", "v1beta3", "master control-plane", "master", "k8s.gcr.io", True),
        ("v1.22.17", "v1beta3", "master control-plane", "master", "registry.k8s.io", True),
        ("v1.23.14", "v1beta3", "master control-plane", "master", "k8s.gcr.io", True),
        ("v1.23.15", "v1beta3", "master control-plane", "master", "registry.k8s.io", True),
        ("v1.24.8", "v1beta3", "control-plane", "master control-plane", "k8s.gcr.io", False),
        ("v1.24.9", "v1beta3", "control-plane", "master control-plane", "registry.k8s.io", False),
        ("v1.25.0", "v1beta3", "control-plane", "control-plane", "registry.k8s.io", False),
        ("v1.30.14", "v1beta3", "control-plane", "control-plane", "registry.k8s.io", False),
        ("v1.31.0", "v1beta4", "control-plane", "control-plane", "registry.k8s.io", False),
    ],
)
def test_the_seams_between_versions(
    text: str, api: str, labels: str, taints: str, repository: str, dockershim: bool
) -> None:
    facts = kubernetes_versions.facts_of(text)
    prefix = "node-role.kubernetes.io/"
    assert facts.kubeadm_api == api
    assert facts.control_plane_labels == tuple(prefix + each for each in labels.split())
    assert facts.control_plane_taints == tuple(prefix + each for each in taints.split())
    assert facts.image_repository == repository
    assert facts.dockershim is dockershim


def test_images_are_those_kubeadm_asks_for() -> None:
    old, new = kubernetes_versions.facts_of("v1.20.2"), kubernetes_versions.facts_of("v1.34.0")
    assert (old.pause_image, old.coredns_image) == ("k8s.gcr.io/pause:3.2", "k8s.gcr.io/coredns:1.7.0")
    assert new.pause_image == "registry.k8s.io/pause:3.10.1"
    assert new.coredns_image == "registry.k8s.io/coredns/coredns:v1.12.1"


def test_no_version_gets_an_etcd_that_could_lose_data() -> None:
    for text in newest_patches():
        assert kubernetes_versions.facts_of(text).etcd not in ("3.5.0", "3.5.1", "3.5.2")
