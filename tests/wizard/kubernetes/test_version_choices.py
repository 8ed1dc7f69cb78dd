"""What the Kubernetes page shows about each version, and what it does when the artifact source lacks one."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest

from clusters.config.kubernetes_versions import known_versions
from clusters.wizard.kubernetes import version_choices
from clusters.wizard.kubernetes.artifact_choices import Offered

if TYPE_CHECKING:
    from pytest_django import Settings

    from tests.conftest import BundleOf
    from tests.wizard.visitor import Visitor


@pytest.fixture(autouse=True)
def _day(monkeypatch: pytest.MonkeyPatch) -> None:
    """One day for all, so that no series ends under a test's hands."""
    monkeypatch.setattr("clusters.wizard.kubernetes.version_choices.timezone.localdate", lambda: date(2026, 11, 28))


def version_field(visitor: Visitor) -> str:
    """The Kubernetes page."""
    text: str = visitor.get("kubernetes").content.decode()
    return text


def marks_in(text: str) -> list[str]:
    """The words of the marks beside the version."""
    return re.findall(r"<strong>([^<]+)\.</strong>", text.split('id="version-marks"')[1].split("</div>")[0])


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("v1.37.2", ["Proven"]),
        ("v1.37.1", ["Not proven"]),
        ("v1.20.2", ["Proven", "Ended upstream"]),
        ("v1.34.11", ["Not proven", "Ended upstream"]),
        ("latest", ["Unknown"]),
    ],
)
def test_the_words_for_a_version(version: str, words: list[str]) -> None:
    assert [mark.word for mark in version_choices.marks_of(version)] == words


def test_the_end_of_a_series_has_its_day() -> None:
    assert "Oct. 27, 2026" in version_choices.marks_of("v1.34.11")[1].text


def test_a_short_list_has_a_group_for_each_standing() -> None:
    versions = ("v1.37.2", "v1.37.1", "v1.34.11", "v1.20.2")
    assert version_choices.grouped(versions, "v1.37.2", held=True) == [
        ("Proven by Slipway", [("v1.37.2", "v1.37.2"), ("v1.20.2", "v1.20.2 (ended upstream)")]),
        ("Not proven: files compared only", [("v1.37.1", "v1.37.1")]),
        ("Ended upstream, not proven", [("v1.34.11", "v1.34.11")]),
    ]


def test_a_long_list_has_a_group_for_each_series_besides() -> None:
    groups = version_choices.grouped(known_versions(), "v1.37.2", held=True)
    names = [name for name, _ in groups]
    assert names[:3] == ["Proven by Slipway", "v1.37: not proven", "v1.36: not proven"]
    assert names[-1] == "v1.20: ended upstream, not proven"
    assert sorted(value for _, options in groups for value, _ in options) == sorted(known_versions())


def test_a_version_that_the_source_lacks_is_not_offered_as_if_it_had_it() -> None:
    first = version_choices.grouped(("v1.37.2",), "v1.20.2", held=True)[0]
    assert first == ("In this draft", [("v1.20.2", "v1.20.2 (not in the source)")])
    first = version_choices.grouped(("v1.37.2",), "v1.20.2", held=False)[0]
    assert first == ("In this draft", [("v1.20.2", "v1.20.2")])


def test_missing_versions_are_reported_only_for_a_readable_source() -> None:
    has = ("v1.36.4", "v1.36.3")
    found = version_choices.missing("v1.20.2", Offered(has, "", held=True))
    assert found == version_choices.Missing("v1.20.2", "v1.36.4, v1.36.3", 0, take="v1.36.3", proven=True)
    assert version_choices.missing("v1.20.2", Offered(has, "", held=False)) is None
    assert version_choices.missing("v1.36.3", Offered(has, "", held=True)) is None
    strange = version_choices.missing("v1.20.2", Offered(("v1.38.0",), "", held=True))
    assert strange is not None and (strange.take, strange.proven) == ("", False)
    few = version_choices.missing("v1.20.2", Offered(known_versions()[-9:-5], "", held=True))
    assert few is not None and (few.take, few.proven) == (known_versions()[-9], False)
    many = version_choices.missing("v1.99.0", Offered(known_versions(), "", held=True))
    assert many is not None and many.more == len(known_versions()) - 6


def test_the_page_shows_the_missing_version_and_updates_it(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2", "v1.20.2")
    text = version_field(visitor)
    assert marks_in(text) == ["Proven", "Ended upstream"]
    assert (
        "version-marks" in text.split('id="id_version"')[0].rsplit("<select", 1)[1] + text.split('id="id_version"')[1]
    )
    assert 'id="take-version"' not in text
    answer = visitor.post("kubernetes", {"name": "sample", "version": "v1.37.2"}, htmx=True).content.decode()
    assert marks_in(answer) == ["Proven"]


def test_a_version_that_the_source_lacks_is_replaced_in_one_press(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.9", "v1.37.2", "v1.36.3")
    text = version_field(visitor)
    told = text.split('id="version-missing"')[1].split("</form>")[0]
    assert "does not have Kubernetes v1.20.2" in told and "It has v1.37.9, v1.37.2, v1.36.3." in told
    assert "Use v1.37.2" in told
    address = f"{visitor.address('kubernetes')}version/"
    answer = visitor.client.post(address, {"draft_version": visitor.cluster.version, "version": "v1.37.2"})
    assert answer.headers["Location"] == visitor.address("kubernetes")
    assert visitor.document().kubernetes.version == "v1.37.2"
    assert 'id="take-version"' not in version_field(visitor)


def test_there_is_a_way_back_to_a_version_that_the_source_lacks(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2", "v1.36.3")
    for version, taken in (("v1.36.3", "v1.36.3"), ("v1.20.2", "v1.20.2"), ("v1.99.0", "v1.20.2")):
        visitor.post("kubernetes", {"name": "sample", "version": version}, htmx=True)
        assert visitor.document().kubernetes.version == taken


def test_a_source_without_a_proven_version_is_reported(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.35.1")
    told = version_field(visitor).split('id="version-missing"')[1].split("</form>")[0]
    assert "None of these is proven." in told and "Use v1.35.1" in told


def test_the_page_shows_components_that_are_incompatible_with_a_version(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2", "v1.20.2", etcd=("v3.4.23",), containerd=("v1.6.20", "v1.7.27"))
    visitor.post("kubernetes", {"name": "sample", "version": "v1.37.2"}, htmx=True)
    text = version_field(visitor)
    assert marks_in(text) == ["Proven", "Not tested together", "Incompatible"]
    assert "accepts etcd 3.5.24 and newer, not v3.4.23" in text and "names 2.2.0 and newer" in text
    assert "v1.37.2 (incompatible with parts of the source)" in text
    assert "v1.20.2 (ended upstream)" in text, "which gets etcd 3.4.23 and containerd 1.7.27"


def test_the_page_shows_that_the_lab_ran_other_components(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2", etcd=("v3.7.0",), containerd=("v2.3.4",), runc=("v1.5.3",))
    visitor.post("kubernetes", {"name": "sample", "version": "v1.37.2"}, htmx=True)
    assert marks_in(text := version_field(visitor)) == ["Proven", "Other components"]
    assert "containerd v2.3.4 (lab: v2.4.2)." in text
    bundle_of("v1.37.2", etcd=("v3.7.0",), containerd=("v2.4.2",), runc=("v1.5.3",))
    assert marks_in(version_field(visitor)) == ["Proven"]


def test_odd_versions_of_a_bundle_leave_the_pages_alone(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2", "v1.37.3-rc.0", "1.37", "v1.38.0", containerd=("latest",))
    text = version_field(visitor)
    assert "v1.37.3-rc.0" not in text and "It has v1.38.0, v1.37.2." in text
    assert visitor.get("review").status_code == 200
    bundle_of("v1.38.0")
    assert 'id="take-version"' not in version_field(visitor), "it is not known, so taking it would not help"


def test_a_version_missing_in_the_source_is_refused(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2")
    address = f"{visitor.address('kubernetes')}version/"
    for wanted in ("v1.36.3", "", "x" * 500):
        answer = visitor.client.post(
            address, {"draft_version": visitor.cluster.version, "version": wanted}, follow=True
        )
        assert "does not have Kubernetes" in answer.content.decode()
        assert visitor.document().kubernetes.version == "v1.20.2"


@pytest.mark.parametrize("artifacts", ["none", "/nowhere"])
def test_nothing_is_missed_while_no_source_can_be_read(visitor: Visitor, settings: Settings, artifacts: str) -> None:
    settings.SLIPWAY_ARTIFACTS = artifacts
    text = version_field(visitor)
    assert 'id="take-version"' not in text and "no artifact source is readable" in text
