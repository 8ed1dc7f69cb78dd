"""The document's etcd tuning as flags of etcd, and as lines of its environment file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.numbers import release_of

if TYPE_CHECKING:
    from clusters.config.sections.etcd import Etcd

_REMOVED = (
    (
        (3, 6),
        re.compile(
            r"enable-v2|proxy(-.*)?|debug|log-output|log-package-levels"
            r"|experimental-(enable-v2v3|max-learners|wait-cluster-ready-timeout|backend-bbolt-freelist-type)"
        ),
    ),
    ((3, 7), re.compile(r"experimental-.*|discovery|discovery-proxy")),
)
"""The first tested series without these flags: 3.6.8 and 3.7.0 print "flag provided but not defined", for `discovery`
even though --help still lists it. Source: `etcd --FLAG=1` of both, for each flag in their --help and each flag that
only an older version has."""
_RENAMED = {"log-output": "log-outputs"}
_ENDED = ("enable-v2v3", "wait-cluster-ready-timeout")
"""Experimental flags without a successor. Source: the same tests."""
_GATES = {
    "compact-hash-check-enabled": "CompactHashCheck",
    "enable-lease-checkpoint": "LeaseCheckpoint",
    "enable-lease-checkpoint-persist": "LeaseCheckpointPersist",
    "initial-corrupt-check": "InitialCorruptCheck",
    "stop-grpc-service-on-defrag": "StopGRPCServiceOnDefrag",
    "txn-mode-write-with-shared-buffer": "TxnModeWriteWithSharedBuffer",
}
"""Experimental flags that became feature gates; the others only lost their prefix. Source: the list of deprecated
flags in `etcd --help` of 3.6.8."""


def flags(etcd: Etcd) -> dict[str, str]:
    """Flag without dashes -> value. Lines of `extraArgs` take precedence over the document's keys."""
    optional = {
        "log-level": etcd.log_level or None,
        "quota-backend-bytes": etcd.quota_backend_bytes,
        "max-request-bytes": etcd.max_request_bytes,
        "max-snapshots": etcd.max_snapshots,
        "max-wals": etcd.max_wals,
    }
    found = {
        "heartbeat-interval": str(etcd.heartbeat_interval),
        "election-timeout": str(etcd.election_timeout),
        "auto-compaction-retention": str(etcd.auto_compaction_retention),
        "snapshot-count": str(etcd.snapshot_count),
        "metrics": etcd.metrics,
        **{name: str(value) for name, value in optional.items() if value is not None},
    }
    for line in etcd.extra_args:
        name, equals, value = line.partition("=")
        if equals:
            found[flag_of(name)] = value.strip()
    return found


def flag_of(name: str) -> str:
    """`ETCD_LOG_LEVEL`, as KubeKey's environment file has it, and `--log-level` are the flag `log-level`."""
    name = name.strip()
    if name.startswith("ETCD_"):
        return name.removeprefix("ETCD_").lower().replace("_", "-")
    return name.lstrip("-")


def variable_of(flag: str) -> str:
    """The environment variable that etcd reads a flag from. Source: etcd's documentation of its flags."""
    return f"ETCD_{flag.upper().replace('-', '_')}"


def removed_in(flag: str, etcd: str) -> str:
    """The series that removed a flag, if the version `etcd` (like 3.7.0) no longer has it; otherwise empty.

    Also empty for an unreadable version.
    """
    found = release_of(etcd)
    for first, names in _REMOVED:
        if found and found >= first and names.fullmatch(flag):
            return ".".join(map(str, first))
    return ""


def removed_flags(etcd: Etcd, version: str) -> tuple[str, ...]:
    """The flags of the document that this version of etcd no longer has."""
    return tuple(flag for flag in flags(etcd) if removed_in(flag, version))


def successor(flag: str) -> str:
    """The flag that replaces a removed one; empty if there is none, or if a feature gate replaces it."""
    name = flag.removeprefix("experimental-")
    return _RENAMED.get(flag, "") if name in (flag, *_ENDED) or name in _GATES else name


def gate_of(flag: str) -> str:
    """The feature gate that replaces a removed experimental flag, or empty."""
    return _GATES.get(flag.removeprefix("experimental-"), "")
