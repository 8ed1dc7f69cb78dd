"""Slipway's lines in a file of another owner: all other lines stay, even if the marker lines were damaged."""

from __future__ import annotations

import pytest

from clusters.engine.block import block
from clusters.engine.machine import FactsOnce, Machine
from clusters.remote.host import Cancel
from tests.catalog.pretend import Kept, seed
from tests.fake_host import FakeHost

PATH = "/etc/hosts"
OURS = "# slipway hosts BEGIN\n10.0.0.1 node1\n# slipway hosts END\n"


def written(before: str) -> tuple[str, list[str]]:
    """The file after Slipway's lines were written into it, twice, and the log of the first time."""
    host, sink = FakeHost("node1"), Kept()
    host.put(before.encode(), PATH)
    machine = Machine(seed().hosts[0], host, sink=sink, cancel=Cancel(), facts=FactsOnce())
    want = block(PATH, "hosts", "10.0.0.1 node1")
    want.reach(machine)
    assert want.seen(machine).so
    after, said = host.get(PATH).decode(), [getattr(event, "text", "") for event in sink.events]
    want.reach(machine)
    assert host.get(PATH).decode() == after
    return after, said


def test_lines_after_a_block_without_its_last_line_stay() -> None:
    after, said = written("127.0.0.1 localhost\n# slipway hosts BEGIN\n10.0.0.9 node1\n10.9.9.9 payroll\n\n::1 me\n")
    assert after == f"127.0.0.1 localhost\n{OURS}10.0.0.9 node1\n10.9.9.9 payroll\n\n::1 me\n"
    assert [text for text in said if "no longer has the line '# slipway hosts END'" in text]


def test_wanted_lines_are_not_duplicated_after_a_block_without_its_last_line() -> None:
    assert written("# slipway hosts BEGIN\n10.0.0.1 node1\n10.9.9.9 payroll\n")[0] == f"{OURS}10.9.9.9 payroll\n"


def test_lines_between_a_block_without_its_last_line_and_the_next_one_stay() -> None:
    assert written(f"# slipway hosts BEGIN\n10.9.9.9 payroll\n{OURS}tail\n")[0] == f"{OURS}10.9.9.9 payroll\ntail\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", OURS),
        ("a", f"a\n{OURS}"),
        ("a\n\n", f"a\n\n{OURS}"),
        (f"a\n{OURS.replace('10.0.0.1', '10.0.0.7')}b\n", f"a\n{OURS}b\n"),
        (f"a\n{OURS}b", f"a\n{OURS}b"),
        (OURS.rstrip("\n"), OURS),
        ("## slipway hosts BEGIN\nb\n", f"## slipway hosts BEGIN\nb\n{OURS}"),
        ("a\n# slipway hosts END\nb\n", f"a\n# slipway hosts END\nb\n{OURS}"),
    ],
)
def test_a_block_keeps_its_place_and_a_new_one_goes_to_the_end(before: str, after: str) -> None:
    assert written(before)[0] == after
