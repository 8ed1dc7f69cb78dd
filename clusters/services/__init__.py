"""Actions: everything a user can do, each checked, audited and in one transaction."""

from clusters.errors import ConfigError
from clusters.services.accounts import (
    AccountRefused,
    OneTimeExpired,
    accounts_deactivate,
    first_admin,
    one_time_password_check,
    one_time_password_given,
    password_changed,
)
from clusters.services.acknowledgements import TextsUnread, text_acknowledge, texts_unread
from clusters.services.attempts import run_retry_from, run_retry_step, run_waive, waivable
from clusters.services.audits import audit_download, audit_forward_again
from clusters.services.bundles import event_pages, run_bundle, run_events, run_log, text_pages
from clusters.services.connections import host_keys_accept, host_keys_pin, practice_machines, probes_start
from clusters.services.credentials import (
    CredentialWrong,
    Given,
    credential_change,
    credential_create,
    credential_delete,
    credential_share,
)
from clusters.services.differences import Difference
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
from clusters.services.findings import findings_of
from clusters.services.inspections import inspection_start, may_be_waived, precheck_key, precheck_waive
from clusters.services.installs import RunRefused, may_be_cancelled, run_cancel, run_preview, run_retry, run_start
from clusters.services.logins import password_failed
from clusters.services.notices import notices_test
from clusters.services.order_findings import OrderFindings, is_open, order_differences, order_findings
from clusters.services.orders import Order, StateRefused, is_allowed, is_outdated, order_for
from clusters.services.password_limits import (
    TooManyTries,
    password_limit_lift,
    password_limits_forget,
    password_right,
    password_try,
)
from clusters.services.reasons import LONGEST_REASON, SHORTEST_REASON, NotPossible, ReasonMissing, counts, given_reason
from clusters.services.scans import scan_cancel, scan_start
from clusters.services.sessions import session_end, sessions_end_others, sessions_forget
from clusters.services.waivers import WarningsUnread, answerable, ids_of, judged, unread, waiver_key, waiver_set

__all__ = [
    "LONGEST_REASON",
    "SHORTEST_REASON",
    "AccountRefused",
    "ConfigError",
    "CredentialWrong",
    "Difference",
    "DraftBusy",
    "DraftConflict",
    "DraftRefused",
    "DraftUnreadable",
    "Given",
    "NotPossible",
    "NothingDelivered",
    "OneTimeExpired",
    "Order",
    "OrderFindings",
    "ReasonMissing",
    "RunRefused",
    "StateRefused",
    "TextsUnread",
    "TooManyTries",
    "WarningsUnread",
    "accounts_deactivate",
    "answerable",
    "audit_download",
    "audit_forward_again",
    "config_export",
    "counts",
    "credential_change",
    "credential_create",
    "credential_delete",
    "credential_share",
    "document_of",
    "draft_copy",
    "draft_create",
    "draft_delete",
    "draft_import",
    "draft_update",
    "event_pages",
    "findings_of",
    "first_admin",
    "given_reason",
    "host_keys_accept",
    "host_keys_pin",
    "ids_of",
    "inspection_start",
    "is_allowed",
    "is_open",
    "is_outdated",
    "judged",
    "kubeconfig_export",
    "may_be_cancelled",
    "may_be_waived",
    "notices_test",
    "one_time_password_check",
    "one_time_password_given",
    "order_differences",
    "order_findings",
    "order_for",
    "password_changed",
    "password_failed",
    "password_limit_lift",
    "password_limits_forget",
    "password_right",
    "password_try",
    "practice_machines",
    "precheck_key",
    "precheck_waive",
    "probes_start",
    "run_bundle",
    "run_cancel",
    "run_events",
    "run_log",
    "run_preview",
    "run_retry",
    "run_retry_from",
    "run_retry_step",
    "run_start",
    "run_wait_longer",
    "run_waive",
    "scan_cancel",
    "scan_start",
    "session_end",
    "sessions_end_others",
    "sessions_forget",
    "text_acknowledge",
    "text_pages",
    "texts_unread",
    "unread",
    "waivable",
    "waiver_key",
    "waiver_set",
]
