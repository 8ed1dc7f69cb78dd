"""The reachability table: small clusters in full, only problems of large ones, and a text for every cell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from clusters import services
from clusters.models import Inspection
from clusters.wizard.prechecks.reachability_matrix import WHOLE, table_of

if TYPE_CHECKING:
    from tests.wizard.visitor import Visitor

SILENT, NO_ROUTE = "timed out after 3 s", "No route to host"


def row(host: str, seen: dict[str, dict[str, str]] | None = None) -> dict[str, Any]:
    """What an inspection keeps of one machine; `seen` is missing where nothing was tried."""
    state = "skipped" if seen is None else "same"
    said = {"check": "net.node_to_node", "title": "x", "host": host, "state": state, "found": []}
    return {**said, "seen": seen} if seen else said


THREE = [
    row("node1", {"node2": {"10250": ""}, "node3": {"10250": "", "6443": SILENT, "2380": SILENT, "179": NO_ROUTE}}),
    row("node2", {"node1": {"6443": ""}}),
    row("node3"),
]


def test_every_direction_has_a_cell_and_ports_are_with_their_reason() -> None:
    table = table_of(THREE)
    assert table is not None
    assert (table.targets, table.trouble, table.left_out) == (("node1", "node2", "node3"), 1, 0)
    states = {(source, cell.target): cell.state for source, cells in table.rows for cell in cells}
    assert states == {
        ("node1", "node1"): "self",
        ("node1", "node2"): "open",
        ("node1", "node3"): "closed",
        ("node2", "node1"): "open",
        ("node2", "node2"): "self",
        ("node2", "node3"): "unneeded",
        ("node3", "node1"): "unknown",
        ("node3", "node2"): "unknown",
        ("node3", "node3"): "self",
    }
    assert table.rows[0][1][2].closed == ((SILENT, ("2380", "6443")), (NO_ROUTE, ("179",)))


def test_a_machine_without_peers_is_not_shown_as_failed() -> None:
    table = table_of([*THREE, row("spare", {})])
    assert table is not None
    states = {cell.target: cell.state for source, cells in table.rows for cell in cells if source == "spare"}
    assert states == {"node1": "unneeded", "node2": "unneeded", "node3": "unneeded", "spare": "self"}


def test_nothing_is_drawn_before_a_machine_has_tried() -> None:
    assert table_of([]) is None
    assert table_of([row("node1"), {**row("node2"), "check": "time.skew", "seen": {"x": {"1": ""}}}]) is None


def test_of_a_large_cluster_only_trouble_is_shown() -> None:
    names = [f"n{number}" for number in range(40)]
    whole = [row(name, {"n0": {"6443": SILENT if name == "n7" else ""}}) for name in names[1:]]
    table = table_of([row("n0"), *whole])
    assert table is not None and (table.targets, table.left_out, table.trouble) == (("n0", "n7"), 38, 1)
    worse = table_of([row("n0"), *(row(name, {"n0": {"6443": SILENT}}) for name in names[1:])])
    assert worse is not None and len(worse.targets) == WHOLE and worse.trouble == 39
    fine = table_of([row(name, {"n0": {"6443": ""}}) for name in names[1:]])
    assert fine is not None and not fine.rows and not fine.trouble


def drawn(visitor: Visitor, results: list[dict[str, Any]]) -> str:
    services.inspection_start(actor=visitor.cluster.owner, cluster=visitor.cluster)
    Inspection.objects.update(state="done", results=results)
    text = visitor.client.get(f"/clusters/{visitor.cluster.pk}/wizard/prechecks/table/").content.decode()
    found = re.search(r'<details class="card-body reach".*?</details>', text, re.DOTALL)
    return found[0] if found else ""


def test_the_page_shows_the_table_with_a_word_for_each_cell(visitor: Visitor) -> None:
    text = drawn(visitor, THREE)
    assert text.startswith('<details class="card-body reach" data-key="reach" open>')
    assert "1 direction with closed ports" in text
    assert text.count('<th scope="col"') == 4 and text.count('<th scope="row"') == 3
    closed = r'<span class="mono">2380, 6443</span>\s*</span>\s*<span class="reach-why">timed out after 3 s</span>'
    assert re.search(closed, text)
    cells = [re.sub(r"<[^>]*>", " ", cell).split() for cell in re.findall(r"<td[^>]*>(.*?)</td>", text, re.DOTALL)]
    assert len(cells) == 9 and all(cells)
    assert cells[1] == ["1", "port,", "open"] and cells[6] == ["not", "tested"]


def test_the_table_is_collapsed_with_a_summary_when_all_ports_are_open(visitor: Visitor) -> None:
    text = drawn(visitor, [row("node1", {"node2": {"10250": ""}}), row("node2", {"node1": {"6443": ""}})])
    assert 'data-key="reach">' in text and "all required ports are open" in text
    assert not drawn(visitor, [row("node1")])
