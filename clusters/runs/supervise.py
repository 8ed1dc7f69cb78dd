"""supervise(): the only way to carry out a run, from any process, once at a time."""

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
from clusters.runs.access.host_keys import PinnedKeys
from clusters.runs.access.logins import logins_for
from clusters.runs.claims.authority import AuthorityLost, refuse_without_authority
from clusters.runs.claims.leases import Heartbeat, claim, release
from clusters.runs.documents import read_document
from clusters.runs.events.sink import DatabaseSink
from clusters.runs.granted_time import Patience
from clusters.runs.task import Task

if TYPE_CHECKING:
    from clusters.engine.executor import Outcome
    from clusters.runs.access.key_files import KeyFiles
    from clusters.runs.events.masking import Masks

log = logging.getLogger(__name__)

OUR_FAULT = "This is a bug in Slipway; its log on the worker has the details. Trying again may help."
# A run that takes its worker down each time must not go on for ever.
MOST_TAKEOVERS = 10
MESSAGES = {
    "succeeded": "The run succeeded.",
    "failed": "The run failed.",
    "cancelled": "The run was cancelled.",
}


class _Tee:
    """Gives every event to the database, and masked ones to somebody who watches from this process."""

    def __init__(self, first: DatabaseSink, second: events.Sink) -> None:
        self._first, self._second = first, second

    def emit(self, event: events.Event) -> None:
        """Take one event."""
        self._first.emit(event)
        if not isinstance(event, events.SecretMade | events.Delivered):
            self._second.emit(masked(event, self._first.masks))


def masked(event: events.Event, masks: Masks) -> events.Event:
    """The event without any secret in what it says."""
    return type(event)(at=event.at, host=event.host, step=event.step, **masks.value(event.data()))


class Handover:
    """A request to put a run down so that another worker goes on with it."""

    def __init__(self) -> None:
        self._cancels: set[Cancel] = set()
        self._lock = threading.Lock()
        self.is_requested = False

    def ask(self) -> None:
        """Ask every run that is carried out under this to stop where it is."""
        with self._lock:
            self.is_requested = True
            for cancel in self._cancels:
                cancel.ask("The worker is stopping.")

    def watch(self, cancel: Cancel) -> None:
        """Stop this one too when asked."""
        with self._lock:
            self._cancels.add(cancel)
            if self.is_requested:
                cancel.ask("The worker is stopping.")

    def forget(self, cancel: Cancel) -> None:
        """That one is over."""
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
    """Claim the run and carry it out to its end; None when another worker has it.

    `worker_name` must never have been used for another claim. `extra_sink` sees every event too, masked. When
    `handover` is asked the run is stopped and given back, and goes on in another worker. `key_files` are those that
    the document may name; SLIPWAY_KEY_DIR's unless a terminal command brings its user's, who then also reaches
    whatever this server reaches (`Task.from_terminal`).
    """
    run = claim(run_id, worker_name)
    if run is None:
        return None
    again = run.takeovers > 0
    log.info("Run %s of %s %s by %s", run.pk, run.cluster_id, "taken over" if again else "claimed", worker_name)
    cancel = Cancel()
    handover = handover or Handover()
    handover.watch(cancel)
    began = "taken over by another worker; it goes on" if again else "started"
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

    def lost(reason: str) -> None:
        cancel.ask(reason)
        sink.fence(reason)

    def wanted() -> None:
        sink.emit(events.RunChanged(state="cancelling", message="Somebody asked for the run to stop."))
        cancel.ask("Somebody asked for the run to stop.")

    def jumped(seconds: float) -> None:
        way = "forward" if seconds > 0 else "back"
        text = f"The clock of the worker was set {way} by {abs(seconds):.0f} s: times before and after do not compare."
        sink.emit(events.Output(stream="note", text=text))

    sink = DatabaseSink(run, on_lost=cancel.ask)
    tee: events.Sink = sink if extra is None else _Tee(sink, extra)
    patience = Patience(run, sink)
    handed_over = False
    with Heartbeat(run, on_lost=lost, on_cancel=wanted, on_jump=jumped, on_look=patience.look):
        tee.emit(events.RunChanged(state="running", message=f"The run was {began}."))
        state, message = _run_to_end(run, sink, tee, cancel, patience, key_files)
        if sink.lost:
            sink.close()
        elif state == "cancelled" and handover.is_requested and not _cancel_asked(run):
            sink.emit(events.RunChanged(state="running", message="The worker is stopping; another one goes on."))
            sink.close()
            handed_over = True
        else:
            last = events.RunChanged(state=state, message=message)
            fields = {"state": state, "message": message, "finished_at": timezone.now(), "lease_until": None}
            if sink.finish(last, **fields) and extra is not None:
                extra.emit(last)
    if handed_over:
        # Not before the heart stands still: its last beat would take the run back until that lease ran out.
        release(run.pk, run.worker)


def _cancel_asked(run: Run) -> bool:
    return Run.objects.filter(pk=run.pk, cancel_asked_at__isnull=False).exists()


def _run_to_end(
    run: Run, sink: DatabaseSink, tee: events.Sink, cancel: Cancel, patience: Patience, key_files: KeyFiles | None
) -> tuple[str, str]:
    """The state in which the run ends, and what to say of it. A success stays one when a cancel came too late."""
    try:
        if run.takeovers > MOST_TAKEOVERS:
            raise InstallerError(
                f"The workers that carried out this run ended {run.takeovers} times without a word.",
                hint="Look for the reason in the log of the worker (memory?), then retry.",
            )
        if not run.takeovers:
            _refuse_without_authority(run, tee)
        document, begun = read_document(run.document), run.takeovers > 0
        logins = logins_for(document, run.cluster, run.asked_by, key_files, text=run.document, begun=begun)
        for secret in logins.secrets:
            sink.masks.add(secret)
        logins.insist()
        known = PinnedKeys(run.cluster_id)
        only = () if run.is_preview else tuple(run.only)
        granted, at_terminal = patience.granted, key_files is not None
        task = Task(logins.document, run.recipe, tuple(run.waivers), known, only, granted, at_terminal)
        task = replace(task, answers=run.answers, preview=run.is_preview)
        run_on_machines = import_string(settings.SLIPWAY_RUN_ON_MACHINES)
        outcome: Outcome = run_on_machines(task, tee, cancel)
    except Cancelled as error:
        return "cancelled", sink.masks.text(error.message)
    except InstallerError as error:
        tee.emit(events.Failed(found=error.message, hint=error.hint, retryable=error.retryable))
        return "failed", sink.masks.text(error.message)
    except Exception as error:  # noqa: BLE001 - the border of the worker: it must end the run, and be seen
        log.error("Run %s: Slipway itself failed\n%s", run.pk, sink.masks.text(traceback.format_exc()))
        found = f"{type(error).__name__}: {error}"
        tee.emit(events.Failed(expected="Slipway to carry out the run", found=found, hint=OUR_FAULT, retryable=True))
        return "failed", sink.masks.text(f"Slipway itself failed: {found}")
    return outcome.state, sink.masks.text(_sentence(outcome, preview=run.is_preview))


def foreseen(would: int, same: int, unforeseen: int) -> str:
    """What a preview found, in numbers."""
    steps = "step is" if unforeseen == 1 else "steps are"
    rest = f", {unforeseen} {steps} not known yet" if unforeseen else ""
    return f"{would} would change, {same} are correct already{rest}"


def _refuse_without_authority(run: Run, tee: events.Sink) -> None:
    """Raises AuthorityLost, and says so in the log. What is half done already is brought to its end instead."""
    try:
        refuse_without_authority(run.asked_by_id, run.cluster, "run")
    except AuthorityLost as lost:
        tee.emit(events.Output(stream="note", text=f"{lost.message} Nothing was done. {lost.hint}"))
        raise


def _sentence(outcome: Outcome, *, preview: bool) -> str:
    """How it ended, with the first failure or the counts of wanted states."""
    if preview and outcome.state != "failed":
        begin = "Nothing was changed." if outcome.state == "succeeded" else "The preview was cancelled."
        return f"{begin} {foreseen(outcome.changed, outcome.same, outcome.unforeseen)}."
    counts = f"{outcome.changed} changed, {outcome.same} were so already."
    if outcome.state == "failed" and outcome.failures:
        first = outcome.failures[0]
        place = " on ".join(part for part in (first.step, first.host) if part)
        return f"{place}: {first.found or first.expected}".removeprefix(": ")
    return f"{MESSAGES.get(outcome.state, outcome.state)} {counts}"
