"""The steps that a cancel must not interrupt are marked: kubeadm's work on a control plane, and joining."""

from __future__ import annotations

from clusters import catalog
from clusters.engine.step import STEPS, discover

UNCUT = {"kubernetes/init", "kubernetes/join", "kubernetes/join-control-plane", "kubernetes/control-plane"}
"""Changes of etcd's membership are parts of other steps; see `Machine.uncut` and test_etcd_members.py."""


def test_the_uninterruptible_steps_are_these() -> None:
    discover(catalog)
    assert {path for path, step in STEPS.steps.items() if step.uncut} == UNCUT
