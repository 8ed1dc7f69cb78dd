"""The verbs: everything a person can do, each checked, audited and in one transaction."""

from clusters.errors import ConfigError
from clusters.services.accounts import first_admin, password_changed
from clusters.services.acknowledgements import TextsUnread, text_acknowledge, texts_unread
from clusters.services.attempts import NotPossible, run_retry_from, run_retry_step, run_waive, waivable
from clusters.services.bundles import event_pages, run_bundle, text_pages
from clusters.services.connections import host_keys_accept, practice_machines, probes_start
from clusters.services.drafts import (
    DraftBusy,
    DraftConflict,
    DraftRefused,
    DraftUnreadable,
    document_of,
    draft_copy,
    draft_create,
    draft_delete,
    draft_import,
    draft_update,
)
from clusters.services.exports import NothingDelivered, config_export, kubeconfig_export
from clusters.services.extensions import run_wait_longer
from clusters.services.inspections import inspection_start, may_be_waived, precheck_key, precheck_waive
from clusters.services.installs import RunRefused, run_cancel, run_retry, run_start
from clusters.services.notices import notices_test
from clusters.services.reasons import ReasonMissing, counts, given_reason
from clusters.services.scans import scan_cancel, scan_start
from clusters.services.waivers import WarningsUnread, answerable, ids_of, judged, unread, waiver_key, waiver_set

__all__ = [
    "ConfigError",
    "DraftBusy",
    "DraftConflict",
    "DraftRefused",
    "DraftUnreadable",
    "NotPossible",
    "NothingDelivered",
    "ReasonMissing",
    "RunRefused",
    "TextsUnread",
    "WarningsUnread",
    "answerable",
    "config_export",
    "counts",
    "document_of",
    "draft_copy",
    "draft_create",
    "draft_delete",
    "draft_import",
    "draft_update",
    "event_pages",
    "first_admin",
    "given_reason",
    "host_keys_accept",
    "ids_of",
    "inspection_start",
    "judged",
    "kubeconfig_export",
    "may_be_waived",
    "notices_test",
    "password_changed",
    "practice_machines",
    "precheck_key",
    "precheck_waive",
    "probes_start",
    "run_bundle",
    "run_cancel",
    "run_retry",
    "run_retry_from",
    "run_retry_step",
    "run_start",
    "run_wait_longer",
    "run_waive",
    "scan_cancel",
    "scan_start",
    "text_acknowledge",
    "text_pages",
    "texts_unread",
    "unread",
    "waivable",
    "waiver_key",
    "waiver_set",
]
