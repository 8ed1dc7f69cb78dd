"""supervise(): the only function that executes a run, from any process, once at a time."""

from __future__ import annotations

import logging
import threading
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from clusters.engine import events
from clusters.errors import Cancelled, InstallerError
from clusters.models import Run
from clusters.remote.host import Cancel
from clusters.runs.access.logins import logins_for
from clusters.runs.access.pinned_host_keys import PinnedKeys
from clusters.runs.claims.authority import AuthorityLost, refuse_without_authority
from clusters.runs.claims.leases import Heartbeat, claim_run, release
from clusters.runs.documents import read_document
from clusters.runs.events.sink import DatabaseSink
from clusters.runs.granted_time import GrantedTime
from clusters.runs.identities import identity_of
from clusters.runs.task import Task

if TYPE_CHECKING:
    from clusters.engine.executor import Outcome
    from clusters.runs.access.key_files import KeyFiles
    from clusters.runs.events.log_masks import Masks

log = logging.getLogger(__name__)

OUR_FAULT = "This is a bug in Slipway; its log on the worker has the details. Trying again may help."
# A run that crashes its worker each time must not continue forever.
MOST_TAKEOVERS = 10
MESSAGES = {
    "succeeded": "The run succeeded.",
    "failed": "The run failed.",
    "cancelled": "The run was cancelled.",
}


class _Tee:
    """Passes every event to the database, and masked ones to an observer in this process."""

    def __init__(self, first: DatabaseSink, second: events.Sink) -> None:
        self._first, self._second = first, second

    def emit(self, event: events.Event) -> None:
        """Accept one event."""
        self._first.emit(event)
        if not isinstance(event, events.SecretMade | events.Delivered):
            self._second.emit(mask_event(event, self._first.masks))


def mask_event(event: events.Event, masks: Masks) -> events.Event:
    """The event with all secrets in it masked."""
    return type(event)(at=event.at, host=event.host, step=event.step, **masks.value(event.data()))


class Handover:
    """A request to release runs so that another worker continues them."""

    def __init__(self) -> None:
        self._cancels: set[Cancel] = set()
        self._lock = threading.Lock()
        self.is_requested = False

    def ask(self) -> None:
        """Ask every watched run to stop where it is."""
        with self._lock:
            self.is_requested = True
            for cancel in self._cancels:
                cancel.ask("The worker is stopping.")

    def watch(self, cancel: Cancel) -> None:
        """Also stop this run when requested."""
        with self._lock:
            self._cancels.add(cancel)
            if self.is_requested:
                cancel.ask("The worker is stopping.")

    def forget(self, cancel: Cancel) -> None:
        """Stop watching a run that is over."""
        with self._lock:
            self._cancels.discard(cancel)


def supervise(
    run_id: int,
    *,
    worker_name: str,
    extra_sink: events.Sink | None = None,
    handover: Handover | None = None,
    key_files: KeyFiles | None = None,
) -> Run | None:
    """Claim the run and execute it to its end; None when another worker has it.

    `worker_name` must be unique for each claim. `extra_sink` also gets every event, masked. When `handover` is
    requested, the run is stopped and released, and continues in another worker. `key_files` are those that
    the document may name: SLIPWAY_KEY_DIR's, unless a terminal command passes its user's, who may then also connect
    to any address that this server reaches (`Task.from_terminal`).
    """
    run = claim_run(run_id, worker_name)
    if run is None:
        return None
    again = run.takeovers > 0
    log.info("Run %s of %s %s by %s", run.pk, run.cluster_id, "taken over" if again else "claimed", worker_name)
    cancel = Cancel()
    handover = handover or Handover()
    handover.watch(cancel)
    began = "taken over by another worker and continues" if again else "started"
    try:
        _run_under_lease(run, cancel, handover, extra_sink, began, key_files)
    finally:
        handover.forget(cancel)
    run.refresh_from_db()
    return run


def _run_under_lease(
    run: Run, cancel: Cancel, handover: Handover, extra: events.Sink | None, began: str, key_files: KeyFiles | None
) -> None:
    """Everything between claim and end, under the heartbeat."""

    def on_lost(reason: str) -> None:
        cancel.ask(reason)
        sink.fence(reason)

    def on_cancel() -> None:
        sink.emit(events.RunChanged(state="cancelling", message="Somebody asked the run to stop."))
        cancel.ask("Somebody asked the run to stop.")

    def on_jump(seconds: float) -> None:
        direction = "forward" if seconds > 0 else "back"
        text = f"The worker's clock was set {direction} by {abs(seconds):.0f} s: times before and after do not compare."
        sink.emit(events.Output(stream="note", text=text))

    sink = DatabaseSink(run, on_lost=cancel.ask)
    tee: events.Sink = sink if extra is None else _Tee(sink, extra)
    extra_time = GrantedTime(run, sink)
    handed_over = False
    with Heartbeat(run, on_lost=on_lost, on_cancel=on_cancel, on_jump=on_jump, on_look=extra_time.look):
        tee.emit(events.RunChanged(state="running", message=f"The run was {began}."))
        state, message = _run_to_end(run, sink, tee, cancel, extra_time, key_files)
        if sink.lost:
            sink.close()
        elif state == "cancelled" and handover.is_requested and not _cancel_asked(run):
            sink.emit(events.RunChanged(state="running", message="The worker is stopping; another one will continue."))
            sink.close()
            handed_over = True
        else:
            last = events.RunChanged(state=state, message=message)
            fields = {"state": state, "message": message, "finished_at": timezone.now(), "lease_until": None}
            if sink.finish(last, **fields) and extra is not None:
                extra.emit(last)
    if handed_over:
        # Not before the heartbeat has stopped: its last beat would claim the run again until that lease expires.
        release(run.pk, run.worker)


def _cancel_asked(run: Run) -> bool:
    return Run.objects.filter(pk=run.pk, cancel_asked_at__isnull=False).exists()


def _run_to_end(
    run: Run, sink: DatabaseSink, tee: events.Sink, cancel: Cancel, grants: GrantedTime, key_files: KeyFiles | None
) -> tuple[str, str]:
    """The state in which the run ends, and its message. A success stays one when a cancel came too late."""
    try:
        if run.takeovers > MOST_TAKEOVERS:
            raise InstallerError(
                f"The workers that executed this run died {run.takeovers} times.",
                hint="Find the reason in the log of the worker (out of memory?), then retry.",
            )
        if not run.takeovers:
            _refuse_without_authority(run, tee)
        document, resumes = read_document(run.document), run.takeovers > 0
        logins = logins_for(document, run.cluster, run.asked_by, key_files, text=run.document, resumes=resumes)
        for secret in logins.secrets:
            sink.masks.add(secret)
        logins.require_all()
        known = PinnedKeys(run.cluster_id)
        only = () if run.is_preview else tuple(run.only)
        granted, at_terminal = grants.granted, key_files is not None
        task = Task(logins.document, run.recipe, tuple(run.waivers), known, only, granted, at_terminal)
        task = replace(task, answers=run.answers, preview=run.is_preview, identity=identity_of(run.cluster))
        run_on_machines = import_string(settings.SLIPWAY_RUN_ON_MACHINES)
        outcome: Outcome = run_on_machines(task, tee, cancel)
    except Cancelled as error:
        return "cancelled", sink.masks.text(error.message)
    except InstallerError as error:
        tee.emit(events.Failed(found=error.message, hint=error.hint, retryable=error.retryable))
        return "failed", sink.masks.text(error.message)
    except Exception as error:  # noqa: BLE001 - the border of the worker: it must end the run, and be visible
        log.error("Run %s: Slipway itself failed\n%s", run.pk, sink.masks.text(traceback.format_exc()))
        found = f"{type(error).__name__}: {error}"
        tee.emit(events.Failed(expected="Slipway executes the run", found=found, hint=OUR_FAULT, retryable=True))
        return "failed", sink.masks.text(f"Slipway itself failed: {found}")
    return outcome.state, sink.masks.text(_sentence(outcome, preview=run.is_preview))


def preview_counts(would: int, same: int, unforeseen: int) -> str:
    """The result of a preview, in numbers."""
    steps = "step is" if unforeseen == 1 else "steps are"
    rest = f", {unforeseen} {steps} not known yet" if unforeseen else ""
    return f"{would} would change, {same} are correct already{rest}"


def _refuse_without_authority(run: Run, tee: events.Sink) -> None:
    """Raises AuthorityLost, with a line in the log. A run that has started is finished instead."""
    try:
        refuse_without_authority(run.asked_by_id, run.cluster, "run")
    except AuthorityLost as error:
        tee.emit(events.Output(stream="note", text=f"{error.message} Nothing was done. {error.hint}"))
        raise


def _sentence(outcome: Outcome, *, preview: bool) -> str:
    """How it ended, with the first failure or the counts of wanted states."""
    if preview and outcome.state != "failed":
        begin = "Nothing was changed." if outcome.state == "succeeded" else "The preview was cancelled."
        return f"{begin} {preview_counts(outcome.changed, outcome.same, outcome.unforeseen)}."
    counts = f"{outcome.changed} changed, {outcome.same} were already correct."
    if outcome.state == "failed" and outcome.failures:
        first = outcome.failures[0]
        place = " on ".join(part for part in (first.step, first.host) if part)
        return f"{place}: {first.found or first.expected}".removeprefix(": ")
    return f"{MESSAGES.get(outcome.state, outcome.state)} {counts}"
