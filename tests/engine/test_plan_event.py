"""The plan's event describes what the plan does: pages compute the remaining time and the critical path from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.config.schema import Document
from clusters.engine.check import Checks
from clusters.engine.executor import describe_step
from clusters.engine.plan import make_plan
from clusters.engine.recipe import recipe
from clusters.engine.step import Register, step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

recipe("described", "Described", "one")

DOCUMENT = Document.model_validate(
    {
        "hosts": [{"name": name, "address": f"10.0.0.{number}"} for number, name in enumerate(("a", "b"), 1)],
        "roleGroups": {"etcd": ["a"], "master": ["a"], "worker": ["b"]},
    }
)


@pytest.mark.parametrize("one_by_one", [True, False])
def test_the_plan_reports_turns_as_the_document_decides(one_by_one: bool) -> None:
    register = Register()

    @step("one/turns", on="all", serial=lambda document: one_by_one, uncut=True, register=register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Take turns, or do not"""
        yield from ()

    plan = make_plan(DOCUMENT, "described", steps=register, checks=Checks())
    row = describe_step(plan.steps[0], DOCUMENT)
    assert row["serial"] is one_by_one
    assert plan.needs[("one/turns", "b")] == (frozenset({("one/turns", "a")}) if one_by_one else frozenset())
    assert row["uncut"] is True
