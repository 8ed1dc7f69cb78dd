"""The database models: what was requested, what was observed, and when."""

from clusters.models.audit import Account, AuditEntry, AuditForward, AuditHead
from clusters.models.cluster import Cluster
from clusters.models.credential import Credential
from clusters.models.event import Event
from clusters.models.extension import Extension
from clusters.models.hostkey import HostKey
from clusters.models.inspection import Inspection
from clusters.models.limit import PasswordLimit
from clusters.models.notice import Notice
from clusters.models.probe import Probe
from clusters.models.run import Run, StepRun
from clusters.models.scan import Scan
from clusters.models.session import Session, hashed
from clusters.models.worker import WorkerSign

__all__ = [
    "Account",
    "AuditEntry",
    "AuditForward",
    "AuditHead",
    "Cluster",
    "Credential",
    "Event",
    "Extension",
    "HostKey",
    "Inspection",
    "Notice",
    "PasswordLimit",
    "Probe",
    "Run",
    "Scan",
    "Session",
    "StepRun",
    "WorkerSign",
    "hashed",
]
