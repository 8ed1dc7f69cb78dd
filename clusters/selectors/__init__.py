"""Queries: what a user may see, the state of a run, the content of its log."""

from clusters.selectors.access import (
    Admission,
    admission_of,
    cluster_for,
    clusters_for,
    has_one_time_password,
    note_if_foreign,
    run_for,
    run_visible,
)
from clusters.selectors.acknowledgements import Acknowledgement, run_acknowledgements
from clusters.selectors.attempts import Attempt, attempts_of
from clusters.selectors.audit import AuditFilter, audit_actions, audit_entries, audit_head, verify_audit
from clusters.selectors.cancellation import Ending, run_ending
from clusters.selectors.causes import Cause, likely_causes
from clusters.selectors.connection_tests import ProbeView, probes_of
from clusters.selectors.credentials import (
    CredentialView,
    credential_for,
    credential_view,
    credentials_for,
    offered_key_files,
    usable_names,
)
from clusters.selectors.facts import PrecheckFinding, run_facts, run_findings
from clusters.selectors.grid import Cell, Column, Grid, Phase, Row, run_grid
from clusters.selectors.log import EventText, LogLine, events_after, log_lines
from clusters.selectors.log_hits import Hits, log_hits
from clusters.selectors.log_search import BadPattern, needle
from clusters.selectors.notifications import Channel, notification_channels
from clusters.selectors.planned import Planned, run_plan
from clusters.selectors.previews import MachineSeen, PreviewSeen, Seen, SeenStep, run_preview_seen
from clusters.selectors.progress import RunSummary, run_summary, steps_of
from clusters.selectors.queue import QueuePlace, chore_place, probes_place, run_place
from clusters.selectors.sign_in import SessionRow, password_limits, sessions_of
from clusters.selectors.slow_steps import LateSteps, late_steps
from clusters.selectors.timeline import Timeline, run_timeline
from clusters.selectors.workers import WorkerSeen, worker_seen

__all__ = [
    "Acknowledgement",
    "Admission",
    "Attempt",
    "AuditFilter",
    "BadPattern",
    "Cause",
    "Cell",
    "Channel",
    "Column",
    "CredentialView",
    "Ending",
    "EventText",
    "Grid",
    "Hits",
    "LateSteps",
    "LogLine",
    "MachineSeen",
    "Phase",
    "Planned",
    "PrecheckFinding",
    "PreviewSeen",
    "ProbeView",
    "QueuePlace",
    "Row",
    "RunSummary",
    "Seen",
    "SeenStep",
    "SessionRow",
    "Timeline",
    "WorkerSeen",
    "admission_of",
    "attempts_of",
    "audit_actions",
    "audit_entries",
    "audit_head",
    "chore_place",
    "cluster_for",
    "clusters_for",
    "credential_for",
    "credential_view",
    "credentials_for",
    "events_after",
    "has_one_time_password",
    "late_steps",
    "likely_causes",
    "log_hits",
    "log_lines",
    "needle",
    "note_if_foreign",
    "notification_channels",
    "offered_key_files",
    "password_limits",
    "probes_of",
    "probes_place",
    "run_acknowledgements",
    "run_ending",
    "run_facts",
    "run_findings",
    "run_for",
    "run_grid",
    "run_place",
    "run_plan",
    "run_preview_seen",
    "run_summary",
    "run_timeline",
    "run_visible",
    "sessions_of",
    "steps_of",
    "usable_names",
    "verify_audit",
    "worker_seen",
]
