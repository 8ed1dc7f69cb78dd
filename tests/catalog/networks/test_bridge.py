"""The bridge plugin's script, run by a shell against pretended `ip` and `iptables` that keep their state in files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.networks import bridge
from tests.catalog.golden import dual_stack
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OWN, PODS = "10.233.65.0/24", "10.233.64.0/18"
ROUTES = {"10.99.0.11": "10.233.64.0/24", "10.99.0.13": "10.233.66.0/24"}

IP = """#!{python}
import ipaddress, pathlib, sys
state = pathlib.Path({state!r})
lines = state.read_text().splitlines()
words = [word for word in sys.argv[1:] if word not in ("-4", "-6")]
if words[:2] == ["route", "show"]:
    wanted = ipaddress.ip_network(words[-1])
    for line in lines:
        network = ipaddress.ip_network(line.split()[0])
        inside = network.version == wanted.version and network.subnet_of(wanted)
        if network == wanted or (words[2] == "root" and inside):
            print(line)
elif words[1] in ("replace", "del"):
    kept = [line for line in lines if line.split()[0] != words[2]]
    kept += [words[2] + " via " + words[4] + " dev eth0 "] if words[1] == "replace" else []
    state.write_text("".join(line + "\\n" for line in kept))
else:
    sys.exit("not pretended: " + " ".join(words))
"""

IPTABLES = """#!{python}
import pathlib, sys
state = pathlib.Path({state!r})
words = sys.argv[1:]
action = "-C" if "-C" in words else "-A"
rule = " ".join(word for word in words if word != action)
rules = state.read_text().splitlines()
if action == "-C":
    sys.exit(rule not in rules)
state.write_text("".join(each + "\\n" for each in [*rules, rule]))
"""


class Node:
    """A folder with the script and the two programs it calls."""

    def __init__(self, folder: Path, routes: str = "") -> None:
        self.routes, self.rules = folder / "routes", folder / "rules"
        self.routes.write_text(routes)
        self.rules.write_text("")
        self.folder = folder
        self.rules6 = folder / "rules6"
        self.rules6.write_text("")
        programs = (("ip", IP, self.routes), ("iptables", IPTABLES, self.rules), ("ip6tables", IPTABLES, self.rules6))
        for name, text, state in programs:
            program = folder / name
            program.write_text(text.format(python=sys.executable, state=str(state)))
            program.chmod(0o755)

    def run(
        self, routes: Mapping[str, str], *arguments: str, more: tuple[bridge.Family, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run the script for these routes, and those of more families."""
        path = self.folder / "pod-routes"
        path.write_text(bridge.script((bridge.Family(OWN, PODS, routes), *more)))
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}"}
        return subprocess.run(
            ["/bin/sh", str(path), *arguments], capture_output=True, text=True, check=False, env=environment
        )

    @property
    def current_routes(self) -> list[str]:
        """The routes without their interface."""
        return sorted(line.partition(" dev ")[0] for line in self.routes.read_text().splitlines())


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node with three routes: its own, one to a node that is gone, and one that Slipway did not set."""
    return Node(
        tmp_path,
        "10.233.65.0/24 dev cni0 proto kernel\n"
        "10.233.70.0/24 via 10.99.0.14 dev eth0 \n"
        "10.50.0.0/16 via 10.99.0.1 dev eth0 \n",
    )


EXPECTED = [
    "10.233.64.0/24 via 10.99.0.11",
    "10.233.65.0/24",
    "10.233.66.0/24 via 10.99.0.13",
    "10.50.0.0/16 via 10.99.0.1",
]


def test_routes_exist_exactly_for_the_current_nodes(node: Node) -> None:
    before = node.run(ROUTES, "check")
    assert (before.returncode, before.stdout) == (1, "an old route to 10.233.70.0/24 via 10.99.0.14 remains\n")
    assert node.run(ROUTES).returncode == 0
    assert node.current_routes == EXPECTED
    assert node.run(ROUTES, "check").returncode == 0


def test_a_second_run_and_a_check_change_nothing(node: Node) -> None:
    assert node.run(ROUTES, "check").returncode == 1 and not node.rules.read_text()
    node.run(ROUTES)
    rules = node.rules.read_text()
    assert node.run(ROUTES).returncode == 0
    assert (node.rules.read_text(), node.current_routes) == (rules, EXPECTED)
    assert rules.count("MASQUERADE") == 1 and rules.count("FORWARD") == 2
    assert "-s 10.233.65.0/24 ! -d 10.233.64.0/18" in rules


@pytest.mark.thorough
def test_flushed_rules_and_routes_are_found_and_restored(node: Node) -> None:
    node.run(ROUTES)
    node.rules.write_text("")
    assert "a rule in POSTROUTING is missing" in node.run(ROUTES, "check").stdout
    node.run(ROUTES)
    node.routes.write_text("")
    assert "the route to 10.233.64.0/24 via 10.99.0.11 is missing" in node.run(ROUTES, "check").stdout
    assert node.run(ROUTES).returncode == 0 and node.run(ROUTES, "check").returncode == 0


def test_a_node_with_a_new_address_gets_a_new_route(node: Node) -> None:
    node.run(ROUTES)
    moved = {"10.99.0.11": "10.233.64.0/24", "10.99.0.15": "10.233.66.0/24"}
    assert node.run(moved, "check").returncode == 1
    node.run(moved)
    assert (
        "10.233.66.0/24 via 10.99.0.15" in node.current_routes
        and "10.233.66.0/24 via 10.99.0.13" not in node.current_routes
    )


def test_the_last_remaining_node_removes_all_routes(node: Node) -> None:
    node.run(ROUTES)
    assert node.run({}).returncode == 0
    assert node.current_routes == ["10.233.65.0/24", "10.50.0.0/16 via 10.99.0.1"]
    assert node.run({}, "check").returncode == 0


@pytest.mark.thorough
def test_both_families_have_their_routes_and_rules(node: Node) -> None:
    ipv6 = bridge.Family("fd85::100/120", "fd85::/112", {"fd99::11": "fd85::/120"})
    assert node.run(ROUTES, "check", more=(ipv6,)).returncode == 1
    assert node.run(ROUTES, more=(ipv6,)).returncode == 0
    assert node.current_routes == sorted([*EXPECTED, "fd85::/120 via fd99::11"])
    assert "-s fd85::100/120 ! -d fd85::/112" in node.rules6.read_text()
    assert "fd85" not in node.rules.read_text() and "10.233" not in node.rules6.read_text()
    assert node.run(ROUTES, "check", more=(ipv6,)).returncode == 0
    node.rules6.write_text("")
    assert node.run(ROUTES, "check", more=(ipv6,)).returncode == 1
    gone = bridge.Family(ipv6.own, ipv6.pods, {})
    assert "an old route to fd85::/120 via fd99::11 remains" in node.run(ROUTES, "check", more=(gone,)).stdout


def test_a_node_of_both_families_gets_a_part_of_each(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, dual_stack("v1.30.0"))
    nodes = [
        {"metadata": {"name": f"node{n}"}, "spec": {"podCIDRs": [f"10.233.6{n}.0/24", f"fd85:ee78::{n}00/120"]}}
        for n in (1, 2, 3)
    ]
    hosts["node1"].answer("get nodes -o json", json.dumps({"items": nodes}))
    ipv4, ipv6 = bridge.families_of(cluster.machine("node2"), cluster)
    assert ipv4.routes == {"10.99.0.11": "10.233.61.0/24", "10.99.0.13": "10.233.63.0/24"}
    assert (ipv6.own, ipv6.number) == ("fd85:ee78::200/120", 6)
    assert ipv6.routes == {"fd99::11": "fd85:ee78::100/120", "fd99::13": "fd85:ee78::300/120"}


def test_an_ipv6_address_may_be_written_in_any_form(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = dual_stack("v1.30.0")
    hosts = tuple(
        host.model_copy(update={"internal_address": host.internal_address.replace("fd99::", "FD99:0:0:0::00")})
        for host in usual.hosts
    )
    cluster, machines, _ = pretend(monkeypatch, archive, usual.model_copy(update={"hosts": hosts}))
    nodes = [
        {"metadata": {"name": f"node{n}"}, "spec": {"podCIDRs": [f"10.233.6{n}.0/24", f"fd85:ee78::{n}00/120"]}}
        for n in (1, 2, 3)
    ]
    machines["node1"].answer("get nodes -o json", json.dumps({"items": nodes}))
    _, ipv6 = bridge.families_of(cluster.machine("node2"), cluster)
    assert set(ipv6.routes) == {"fd99::11", "fd99::13"}, "machines write their routes in the short form"


def test_the_unit_restores_the_routes_at_boot() -> None:
    assert f"ExecStart={bridge.SCRIPT}\n" in bridge.UNIT_TEXT and "WantedBy=multi-user.target" in bridge.UNIT_TEXT


def test_a_run_checks_the_routes_with_the_script(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node2")
    want = next(each for each in bridge.bridge(machine, cluster) if "other nodes" in each.what)
    hosts["node2"].answer("pod-routes check", 1)
    assert not want.seen(machine).so
    want.reach(machine)
    assert hosts["node2"].commands[-1] == bridge.SCRIPT
