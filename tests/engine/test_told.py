"""What a plan tells of itself is what it does: pages make of it the time left and the critical path."""

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

recipe("told", "Told", "one")

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

    plan = make_plan(DOCUMENT, "told", steps=register, checks=Checks())
    told = describe_step(plan.steps[0], DOCUMENT)
    assert told["serial"] is one_by_one
    assert plan.needs[("one/turns", "b")] == (frozenset({("one/turns", "a")}) if one_by_one else frozenset())
    assert told["uncut"] is True
