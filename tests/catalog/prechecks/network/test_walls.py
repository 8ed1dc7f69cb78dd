"""net.node_to_node between machines that a router with a firewall keeps apart, over real SSH."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.sources.nothing import Nothing
from clusters.engine.events import CheckFound
from clusters.engine.executor import execute_plan
from clusters.engine.plan import make_plan
from clusters.remote.host import Cancel
from tests.catalog.prechecks.network.apart import Apart, apart
from tests.catalog.pretend import Kept
from tests.missing import cannot_be_had

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["apart"]

pytestmark = pytest.mark.sshd

GROUPS = {"etcd": ["n1", "n2", "n3"], "master": ["n1"], "worker": ["n2", "n3"]}


def messages_of(apart: Apart) -> list[str]:
    """The messages of the precheck about all machines."""
    document, sink = apart.document(**GROUPS), Kept()
    outcome = execute_plan(
        make_plan(document, only=["precheck/net.node_to_node"]),
        document=document,
        open_host=apart.open_host,
        source=Nothing(),
        sink=sink,
        cancel=Cancel(),
    )
    found = sorted(event.message for event in sink.events if isinstance(event, CheckFound))
    assert (outcome.state == "succeeded") is (not found), outcome.failures
    return found


@contextmanager
def wall(apart: Apart, *rule: str) -> Iterator[None]:
    """A rule of the router, for as long as the block lasts."""
    apart.on_router("ip", "rule", "add", "pref", "10", *rule)
    try:
        yield
    finally:
        apart.on_router("ip", "rule", "del", "pref", "10")


def test_an_open_network_is_found_open_though_nothing_listens(apart: Apart) -> None:
    assert messages_of(apart) == []


def test_a_port_that_is_dropped_is_found_from_every_machine_behind_the_wall(apart: Apart) -> None:
    with wall(apart, *["to", "10.77.1.1", "ipproto", "tcp", "dport", "2379", "blackhole"]):
        assert messages_of(apart) == [
            "n2 cannot reach n1 on 2379 (etcd's clients): timed out after 3 s.",
            "n3 cannot reach n1 on 2379 (etcd's clients): timed out after 3 s.",
        ]


def test_answers_that_are_dropped_on_their_way_back_are_found_too(apart: Apart) -> None:
    with wall(apart, *["from", "10.77.2.1", "to", "10.77.1.1", "ipproto", "tcp", "sport", "10250", "blackhole"]):
        assert messages_of(apart) == ["n1 cannot reach n2 on 10250 (kubelet): timed out after 3 s."]


def test_a_port_that_is_rejected_is_told_in_the_machines_own_words(apart: Apart) -> None:
    with wall(apart, *["from", "10.77.3.1", "to", "10.77.1.1", "ipproto", "tcp", "dport", "6443", "prohibit"]):
        assert messages_of(apart) == ["n3 cannot reach n1 on 6443 (API server): No route to host."]


def test_a_machine_that_is_cut_off_is_one_sentence_for_each_machine(apart: Apart) -> None:
    with wall(apart, *["to", "10.77.3.1", "unreachable"]):
        found = messages_of(apart)
    assert any(line.startswith("n2 cannot reach n3 on 2379 (etcd's clients), 2380") for line in found), found
    assert all("No route to host" in line or "timed out" in line for line in found)


def test_a_bare_reject_is_not_taken_for_a_closed_port(apart: Apart) -> None:
    iptables = shutil.which("iptables", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if iptables is None:
        cannot_be_had("needs iptables (apt-get install iptables)")
    rule = ["FORWARD", "-s", "10.77.2.1", "-d", "10.77.1.1", "-p", "tcp", "--dport", "2380", "-j", "REJECT"]
    apart.on_router(iptables, "-A", *rule)
    try:
        assert messages_of(apart) == [
            "n2 cannot reach n1 on 2380 (etcd's members): rejected by a firewall (ICMP port unreachable)."
        ]
    finally:
        apart.on_router(iptables, "-D", *rule)
