"""The topology diagram: lines go only where the endpoint leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.wizard.topology.diagram import draw
from clusters.wizard.topology.endpoint_kinds import kind_called, with_kind
from tests.wizard.test_endpoint import seed

if TYPE_CHECKING:
    from tests.wizard.visitor import Visitor


@pytest.mark.parametrize(
    ("kind", "lines", "words"),
    [
        ("none", 1, "lb.kubesphere.local:6443 → 10.99.0.1"),
        ("haproxy", 3, "lb.kubesphere.local:6443 → haproxy"),
        ("kube-vip", 3, "lb.kubesphere.local:6443 → 10.99.0.100"),
        ("external", 3, "lb.kubesphere.local:6443 → 10.99.0.100"),
        ("dns", 3, "lb.kubesphere.local:6443"),
    ],
)
def test_lines_go_where_the_endpoint_leads(kind: str, lines: int, words: str) -> None:
    chosen = kind_called(kind)
    typed = {"address": "10.99.0.100"} if chosen.wants_address else {}
    drawing = draw(with_kind(seed(3), chosen, **typed))
    assert len(drawing.lines) == lines
    assert drawing.endpoint == words


def test_the_endpoint_page_shows_which_clients_reach_what(visitor: Visitor) -> None:
    assert "Clients will reach the API server at <code>10.99.0.1</code>" in visitor.get("endpoint").content.decode()
    visitor.post("endpoint", {"kind": "haproxy", "domain": "lb.example", "port": "6443"})
    text = visitor.get("endpoint").content.decode()
    assert "through its own proxy" in text and "Clients will reach" not in text
