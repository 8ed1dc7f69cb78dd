"""Architectures observed by connection tests are shown and can be written to the document with one click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.models import Probe
from clusters.runs.jobs.probes import spec_digest

if TYPE_CHECKING:
    from tests.wizard.visitor import Visitor


def seen(visitor: Visitor, **archs: str) -> str:
    """The table of connections after tests that saw these."""
    document = visitor.document()
    for name, arch in archs.items():
        host = document.host(name)
        assert host is not None
        fields = {"state": "ok", "facts": {"arch": arch}, "spec_digest": spec_digest(document, host)}
        Probe.objects.update_or_create(cluster=visitor.cluster, host=name, defaults=fields)
    return str(visitor.get("connection").content.decode())


def take(visitor: Visitor, version: int) -> int:
    address = f"/clusters/{visitor.cluster.pk}/wizard/connection/arch/"
    return int(visitor.client.post(address, {"draft_version": version}).status_code)


def archs(visitor: Visitor) -> list[str]:
    return [host.arch for host in visitor.document().hosts]


def test_observed_architectures_are_shown_and_written_with_one_click(visitor: Visitor) -> None:
    text = seen(visitor, node1="amd64", node3="arm64")
    assert "node3 is arm64, not amd64." in text
    assert "2 × amd64, 1 × arm64" in text
    assert take(visitor, visitor.cluster.version) == 302
    assert archs(visitor) == ["amd64", "amd64", "arm64"]
    assert "node3, address: 10.99.0.3" in visitor.cluster.document and "arch: arm64" in visitor.cluster.document
    text = seen(visitor)
    assert 'id="archs"' not in text
    assert 'id="mixed"' in text, "several architectures stay worth a word"
    assert 'data-host="node3"' in text and "Changed since the last test." not in text


def test_equal_machines_that_match_the_document_are_not_reported(visitor: Visitor) -> None:
    text = seen(visitor, node1="amd64", node2="amd64", node3="amd64")
    assert 'id="archs"' not in text and 'id="mixed"' not in text


def test_all_machines_may_be_another_and_then_they_are_alike(visitor: Visitor) -> None:
    text = seen(visitor, node1="arm64", node2="arm64", node3="arm64")
    assert "3 machines differ from the document" in text
    assert 'id="mixed"' not in text


def test_impossible_and_outdated_architectures_are_ignored(visitor: Visitor) -> None:
    seen(visitor, node1="riscv64", node2="arm64")
    Probe.objects.filter(host="node2").update(spec_digest="another")
    assert 'id="archs"' not in visitor.get("connection").content.decode()
    take(visitor, visitor.cluster.version)
    assert archs(visitor) == ["amd64"] * 3


def test_a_page_of_an_older_version_takes_nothing(visitor: Visitor) -> None:
    seen(visitor, node3="arm64")
    assert take(visitor, visitor.cluster.version - 1) == 409
    assert archs(visitor) == ["amd64"] * 3
