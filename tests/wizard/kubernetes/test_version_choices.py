"""What the Kubernetes page says of each version, and what it does when the artifact source does not have one."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest

from clusters.config.versions import known_versions
from clusters.wizard.kubernetes import version_choices
from clusters.wizard.kubernetes.artifact_choices import Offered

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

    from tests.conftest import BundleOf
    from tests.wizard.visitor import Visitor


@pytest.fixture(autouse=True)
def _day(monkeypatch: pytest.MonkeyPatch) -> None:
    """One day for all, so that no series ends under a test's hands."""
    monkeypatch.setattr("clusters.wizard.kubernetes.version_choices.timezone.localdate", lambda: date(2026, 11, 28))


def shown(visitor: Visitor) -> str:
    """The Kubernetes page."""
    text: str = visitor.get("kubernetes").content.decode()
    return text


def said(text: str) -> list[str]:
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


def test_what_is_missing_is_said_of_a_source_that_could_be_read_only() -> None:
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


def test_the_page_says_it_beside_the_version_and_again_when_it_changes(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2", "v1.20.2")
    text = shown(visitor)
    assert said(text) == ["Proven", "Ended upstream"]
    assert (
        "version-marks" in text.split('id="id_version"')[0].rsplit("<select", 1)[1] + text.split('id="id_version"')[1]
    )
    assert 'id="take-version"' not in text
    answer = visitor.post("kubernetes", {"name": "sample", "version": "v1.37.2"}, htmx=True).content.decode()
    assert said(answer) == ["Proven"]


def test_a_version_that_the_source_lacks_is_replaced_in_one_press(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.9", "v1.37.2", "v1.36.3")
    text = shown(visitor)
    told = text.split('id="version-missing"')[1].split("</form>")[0]
    assert "does not have Kubernetes v1.20.2" in told and "It has v1.37.9, v1.37.2, v1.36.3." in told
    assert "Take v1.37.2" in told
    address = f"{visitor.address('kubernetes')}version/"
    answer = visitor.client.post(address, {"draft_version": visitor.cluster.version, "version": "v1.37.2"})
    assert answer.headers["Location"] == visitor.address("kubernetes")
    assert visitor.document().kubernetes.version == "v1.37.2"
    assert 'id="take-version"' not in shown(visitor)


def test_there_is_a_way_back_to_a_version_that_the_source_lacks(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2", "v1.36.3")
    for version, taken in (("v1.36.3", "v1.36.3"), ("v1.20.2", "v1.20.2"), ("v1.99.0", "v1.20.2")):
        visitor.post("kubernetes", {"name": "sample", "version": version}, htmx=True)
        assert visitor.document().kubernetes.version == taken


def test_a_source_without_a_proven_version_says_so(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.35.1")
    told = shown(visitor).split('id="version-missing"')[1].split("</form>")[0]
    assert "None of these is proven." in told and "Take v1.35.1" in told


def test_the_page_says_which_parts_of_the_source_do_not_go_with_a_version(
    visitor: Visitor, bundle_of: BundleOf
) -> None:
    bundle_of("v1.37.2", "v1.20.2", etcd=("v3.4.23",), containerd=("v1.6.20", "v1.7.27"))
    visitor.post("kubernetes", {"name": "sample", "version": "v1.37.2"}, htmx=True)
    text = shown(visitor)
    assert said(text) == ["Proven", "Not tested together", "Does not go together"]
    assert "accepts etcd 3.5.24 and newer, not v3.4.23" in text and "names 2.2.0 and newer" in text
    assert "v1.37.2 (parts of the source do not go with it)" in text
    assert "v1.20.2 (ended upstream)" in text, "which gets etcd 3.4.23 and containerd 1.7.27"


def test_the_page_says_that_the_lab_ran_other_parts(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2", etcd=("v3.7.0",), containerd=("v2.3.4",), runc=("v1.5.3",))
    visitor.post("kubernetes", {"name": "sample", "version": "v1.37.2"}, htmx=True)
    assert said(text := shown(visitor)) == ["Proven", "Other components"]
    assert "containerd v2.3.4 (lab: v2.4.2)." in text
    bundle_of("v1.37.2", etcd=("v3.7.0",), containerd=("v2.4.2",), runc=("v1.5.3",))
    assert said(shown(visitor)) == ["Proven"]


def test_odd_versions_of_a_bundle_leave_the_pages_alone(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2", "v1.37.3-rc.0", "1.37", "v1.38.0", containerd=("latest",))
    text = shown(visitor)
    assert "v1.37.3-rc.0" not in text and "It has v1.38.0, v1.37.2." in text
    assert visitor.get("review").status_code == 200
    bundle_of("v1.38.0")
    assert 'id="take-version"' not in shown(visitor), "it is not known, so taking it would not help"


def test_what_the_source_does_not_have_is_not_taken(visitor: Visitor, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2")
    address = f"{visitor.address('kubernetes')}version/"
    for wanted in ("v1.36.3", "", "x" * 500):
        answer = visitor.client.post(
            address, {"draft_version": visitor.cluster.version, "version": wanted}, follow=True
        )
        assert "does not have Kubernetes" in answer.content.decode()
        assert visitor.document().kubernetes.version == "v1.20.2"


@pytest.mark.parametrize("artifacts", ["none", "/nowhere"])
def test_nothing_is_missed_while_no_source_can_be_read(
    visitor: Visitor, settings: SettingsWrapper, artifacts: str
) -> None:
    settings.SLIPWAY_ARTIFACTS = artifacts
    text = shown(visitor)
    assert 'id="take-version"' not in text and "no artifact source can be read" in text
