"""What a cancel must not cut is marked: what kubeadm does to a control plane, and a machine's joining."""

from __future__ import annotations

from clusters import catalog
from clusters.engine.step import STEPS, discover

UNCUT = {"kubernetes/init", "kubernetes/join", "kubernetes/join-control-plane", "kubernetes/control-plane"}
"""Membership of etcd is a part of other steps; see `Machine.uncut` and test_etcd_members.py."""


def test_the_steps_that_no_cancel_cuts_are_these() -> None:
    discover(catalog)
    assert {path for path, step in STEPS.steps.items() if step.uncut} == UNCUT
