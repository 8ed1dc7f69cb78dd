"""One step on one machine: observe, act, observe again; one of the two places that catch every error."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clusters.config.finding import Severity
from clusters.engine.check import FIRST, is_waived
from clusters.engine.deadline import OutOfTime
from clusters.engine.events import CheckFound, Failed, Output, State, StepChanged, WantSeen
from clusters.engine.machine import OnlyLooking
from clusters.engine.tries import Tries
from clusters.engine.wants import NotReached, Sight
from clusters.errors import Cancelled, ConfigError, InstallerError, PlanError, RemoteError, SourceError
from clusters.remote.errors import CommandTimedOut
from clusters.remote.host import Cancel, CommandFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.check import Precheck
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.plan import PlannedStep
    from clusters.engine.step import Step
    from clusters.engine.wants import Want

CHECK_TIMEOUT = 60.0
"""Seconds a precheck may take on one machine."""

NO_STEPS_DOING = (SourceError, ConfigError, PlanError, OutOfTime, OnlyLooking)
"""Errors that no earlier step of the run could prevent."""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """How a step on a machine ended, with the counts of its wanted states."""

    state: State
    same: int = 0
    changed: int = 0
    failure: Failed | None = None


def run_node(
    row: PlannedStep,
    machine: Machine,
    cluster: Cluster,
    cancel: Cancel,
    waivers: frozenset[str],
    dry_run: bool,
    urgency: float = 0.0,
) -> NodeResult:
    """Execute one node of the plan and report to the sink; raises only what the sink itself raises.

    `urgency` is the estimated number of seconds from its start to the plan's end.
    """
    uncut = row.step is not None and row.step.uncut
    timeout = CHECK_TIMEOUT if row.step is None else row.step.timeout
    only_looks = dry_run or row.step is None
    stop = Cancel() if uncut else cancel
    here = machine.during(row.path, timeout=timeout, cancel=stop, urgency=urgency, dry_run=only_looks)
    here.emit(StepChanged(host=here.name, step=row.path, state=State.RUNNING))
    began = time.monotonic()
    try:
        if row.check is not None and cluster.is_given_up(here.name):
            result = NodeResult(State.SKIPPED)
            here.note(f"{here.name} cannot be read: see {FIRST}")
        elif row.check is not None:
            result = _check(row.check, here, cluster, waivers)
        else:
            result = _reach_all(row, here, cluster, dry_run)
    except Cancelled as error:
        result = NodeResult(State.CANCELLED)
        here.note(error.message)
    except Exception as error:  # noqa: BLE001 - border: every error on a machine becomes a failure of its step
        result = NodeResult(State.FAILED, failure=_failure(row, here, error))
        if dry_run and _is_unforeseen(row, here, cluster, error):
            result = _unforeseen(row, here, str(error))
        if row.check is not None and row.check.id == FIRST:
            cluster.give_up(here.name)
    cluster.note_end(here.name, row.path, good=result.state.good)
    if dry_run and (result.state in (State.WOULD, State.UNFORESEEN) or _needs_a_change(row, here, cluster)):
        cluster.leave_open(here.name, row.path)
    if result.failure is not None:
        here.emit(result.failure)
        if row.check is None:
            here.note(f"failed: {result.failure.found}" + (f" {result.failure.hint}" if result.failure.hint else ""))
    here.emit(
        StepChanged(
            host=here.name,
            step=row.path,
            state=result.state,
            seconds=time.monotonic() - began,
            message=result.failure.found if result.failure else "",
            same=result.same,
            changed=result.changed,
        )
    )
    return result


def _reach_all(row: PlannedStep, machine: Machine, cluster: Cluster, dry_run: bool) -> NodeResult:
    if row.step is None:
        raise InstallerError(f"{row.path} is neither a step nor a precheck. This is a bug in Slipway.")
    same = changed = 0
    for number, want in _wants(row, row.step, machine, cluster, dry_run):
        began = time.monotonic()
        state, sight = _reach_one(row, want, machine, cluster, dry_run)
        if number < same + changed:
            continue
        same += state == State.SAME
        changed += state not in (State.SAME, State.UNFORESEEN)
        machine.emit(
            WantSeen(
                host=machine.name,
                step=row.path,
                what=want.what,
                state=state,
                found=sight.found if dry_run else "",
                diff=sight.diff,
                seconds=time.monotonic() - began,
            )
        )
        if dry_run and state != State.SAME:
            machine.will_write(getattr(want, "files", ()))
            machine.note("the rest of this step is decided during the run")
            return NodeResult(State(state), same, changed)
    return NodeResult(State.CHANGED if changed else State.SAME, same, changed)


def _is_unforeseen(row: PlannedStep, machine: Machine, cluster: Cluster, error: Exception) -> bool:
    """Whether a dry run cannot predict this: the step needs what an earlier one would create, which does not exist yet.

    Errors that no step prevents are failures in a dry run, too: an unreachable or slow machine, a missing artifact, an
    unusable document, a bug in Slipway.
    """
    if not isinstance(error, InstallerError) or isinstance(error, NO_STEPS_DOING):
        return False
    if isinstance(error, RemoteError) and not isinstance(error, CommandFailed):
        return False
    return _needs_a_change(row, machine, cluster)


def _needs_a_change(row: PlannedStep, machine: Machine, cluster: Cluster) -> bool:
    step = row.step
    return step is not None and cluster.is_left_open(machine.name, step.needs, step.needs_all)


def _unforeseen(row: PlannedStep, machine: Machine, why: str) -> NodeResult:
    machine.emit(WantSeen(host=machine.name, step=row.path, what=row.title, state=State.UNFORESEEN, found=why))
    machine.note(f"{why} The rest of this step is decided during the run.")
    return NodeResult(State.UNFORESEEN)


def _wants(
    row: PlannedStep, step: Step, machine: Machine, cluster: Cluster, dry_run: bool
) -> Iterator[tuple[int, Want]]:
    """The step's wanted states with their numbers; starts again from the first where a connection broke between two."""
    tries, furthest = Tries(machine, cluster), -1
    while True:
        try:
            tries.begin()
            for number, want in enumerate(step.body(machine, cluster)):
                yield number, want
                if number > furthest:
                    furthest = number
                    tries.progress()
        except InstallerError as error:
            if (dry_run and _is_unforeseen(row, machine, cluster, error)) or not tries.another_after(error):
                raise
        else:
            return


def _reach_one(row: PlannedStep, want: Want, machine: Machine, cluster: Cluster, dry_run: bool) -> tuple[str, Sight]:
    """Reach one wanted state, trying again after retryable errors; returns the result and the first observation."""
    first: Sight | None = None
    tries = Tries(machine, cluster)
    while True:
        try:
            tries.begin()
            sight = want.seen(machine)
            first = first or sight
            if sight.so:
                return (State.SAME if first.so else State.CHANGED), first
            if dry_run:
                return State.WOULD, first
            want.reach(machine)
            after = want.seen(machine)
            if after.so:
                return State.CHANGED, first
            found = after.found or "the desired state was not reached"
            raise NotReached(f"Expected on {machine.name}: {want.what}. Found: {found}.")
        except InstallerError as error:
            if dry_run and _is_unforeseen(row, machine, cluster, error):
                return State.UNFORESEEN, Sight(False, error.message)
            if not tries.another_after(error):
                raise


def _findings(check: Precheck, machine: Machine, cluster: Cluster) -> list[Finding]:
    """The findings of a precheck, tried again after retryable errors: it changes nothing."""
    tries = Tries(machine, cluster, waits=False)
    while True:
        try:
            return list(check.body(machine, cluster))
        except InstallerError as error:
            if not tries.another_after(error):
                raise


def _check(check: Precheck, machine: Machine, cluster: Cluster, waivers: frozenset[str]) -> NodeResult:
    worst = State.SAME
    blocking: list[Finding] = []
    for found in _findings(check, machine, cluster):
        finding = replace(found, id=check.id, hint=found.hint or check.fix, hosts=(machine.name,))
        waived = is_waived(check, machine.name, finding.severity, waivers)
        machine.emit(
            CheckFound(
                host=machine.name,
                step=machine.step,
                check=check.id,
                severity=finding.severity,
                message=finding.message,
                fix=finding.hint,
                waived=waived,
            )
        )
        machine.emit(Output(host=machine.name, step=machine.step, stream="note", text=_describe(finding, waived)))
        if finding.severity is Severity.ERROR and not waived:
            blocking.append(finding)
        elif finding.severity is not Severity.INFO:
            worst = State.WARNING
    if not blocking:
        return NodeResult(worst, same=1)
    return NodeResult(
        State.FAILED,
        failure=Failed(
            host=machine.name,
            step=machine.step,
            expected=check.title,
            found=" ".join(finding.message for finding in blocking),
            hint=blocking[0].hint,
        ),
    )


def _describe(finding: Finding, waived: bool) -> str:
    label = "waived" if waived else finding.severity.value
    return f"{label}: {finding.message}" + (f" {finding.hint}" if finding.hint else "")


def _failure(row: PlannedStep, machine: Machine, error: Exception) -> Failed:
    lines: tuple[str, ...] = getattr(error, "lines", ())
    if not lines and isinstance(error, (CommandFailed, CommandTimedOut)):
        lines = error.result.last_lines()
    known = isinstance(error, InstallerError)
    found = str(error) if known else f"{type(error).__name__}: {error}"
    hint = error.hint if isinstance(error, InstallerError) else "This is a bug in Slipway; please report it."
    if not hint and any("no space left on device" in line.lower() for line in lines):
        hint = f"A disk of {machine.name} is full: df -h there shows which one. Free some space, then retry."
    return Failed(
        host=machine.name,
        step=row.path,
        expected=row.title,
        found=found,
        lines=list(lines),
        hint=hint,
        retryable=bool(getattr(error, "retryable", False)),
    )
