"""The graph of a plan: it grows linearly with the machines, and circles are refused with a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Never

import pytest

from clusters.config.schema import Document
from clusters.engine.check import Checks, precheck
from clusters.engine.plan import Plan, make_plan
from clusters.engine.recipe import recipe
from clusters.engine.step import Register, step
from clusters.errors import PlanError
from tests.plans import waits_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

recipe("graph", "Graph", "precheck", "one", "two")


def nothing(machine: Machine, cluster: Cluster) -> Iterator[Never]:
    """Want nothing at all"""
    yield from ()


def plan_of(machines: int) -> Plan:
    """Two prechecks everywhere, a step that waits for them, and one that waits for it on all machines."""
    names = [f"node{number}" for number in range(1, machines + 1)]
    hosts = [{"name": name, "address": f"10.0.{at // 250}.{at % 250 + 1}"} for at, name in enumerate(names)]
    groups = {"etcd": names[:1], "master": names[:1], "worker": names}
    document = Document.model_validate({"hosts": hosts, "roleGroups": groups})
    register, checks = Register(), Checks()
    for name in ("x.fine", "x.well"):
        precheck(name, register=checks)(nothing)
    step("one/first", on="all", register=register)(nothing)
    step("two/second", on="all", needs_all=("one/first",), register=register)(nothing)
    return make_plan(document, "graph", steps=register, checks=checks)


def test_twice_the_machines_have_twice_the_edges() -> None:
    few, many = (sum(len(needs) for needs in plan_of(machines).needs.values()) for machines in (50, 100))
    assert many <= 2 * few


def test_waits_for_all_machines_are_listed_machine_by_machine() -> None:
    plan = plan_of(3)
    everywhere = {("one/first", f"node{number}") for number in (1, 2, 3)}
    assert waits_for(plan, ("two/second", "node2")) == everywhere
    checks = {(f"precheck/x.{name}", f"node{number}") for name in ("fine", "well") for number in (1, 2, 3)}
    assert waits_for(plan, ("one/first", "node1")) == checks


def test_seconds_are_counted_along_what_waits_for_all_machines() -> None:
    plan = plan_of(2)
    cost = {row.path: row.expected_seconds for row in plan.steps}
    left = plan.seconds_to_go()
    assert left["one/first", "node2"] == cost["one/first"] + cost["two/second"]
    assert plan.expected_seconds == cost["precheck/x.fine"] + left["one/first", "node1"]


def test_steps_that_wait_for_each_other_are_refused_and_named() -> None:
    register = Register()
    step("one/first", on="all", needs_all=("two/second",), register=register)(nothing)
    step("two/second", on="all", needs_all=("one/first",), register=register)(nothing)
    hosts = [{"name": "a", "address": "10.0.0.1"}]
    document = Document.model_validate({"hosts": hosts, "roleGroups": {"worker": ["a"]}})
    with pytest.raises(PlanError, match="one/first on all its machines"):
        make_plan(document, "graph", steps=register, checks=Checks())
