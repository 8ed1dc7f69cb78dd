"""The document's etcd tuning as flags of etcd, and as lines of its environment file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusters.config.sections.etcd import Etcd

_GONE = (
    ((3, 6), re.compile(r"enable-v2|experimental-enable-v2v3|proxy(-.*)?")),
    ((3, 7), re.compile(r"experimental-.*")),
)
"""The series of etcd from which on it has these flags no more. Source: `etcd --help` of 3.5.21, 3.6.8 and 3.7.0."""
_GATES = {
    "compact-hash-check-enabled": "CompactHashCheck",
    "enable-lease-checkpoint": "LeaseCheckpoint",
    "enable-lease-checkpoint-persist": "LeaseCheckpointPersist",
    "initial-corrupt-check": "InitialCorruptCheck",
    "stop-grpc-service-on-defrag": "StopGRPCServiceOnDefrag",
    "txn-mode-write-with-shared-buffer": "TxnModeWriteWithSharedBuffer",
}
"""Experimental flags that are feature gates now. The other ones lost the word only. Source: etcd 3.6's own list of
deprecated flags."""


def flags(etcd: Etcd) -> dict[str, str]:
    """Flag without dashes -> value. Lines of `extraArgs` win over the keys beside them."""
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


def gone_since(flag: str, etcd: str) -> str:
    """The series from which on etcd has this flag no more, where that goes for the version `etcd` (like 3.7.0)."""
    series = tuple(int(part) for part in etcd.removeprefix("v").split(".")[:2])
    for first, names in _GONE:
        if series >= first and names.fullmatch(flag):
            return ".".join(map(str, first))
    return ""


def successor(flag: str) -> str:
    """The flag that says the same as one that is gone; empty when none does, or when it is a feature gate now."""
    name = flag.removeprefix("experimental-")
    return "" if name in (flag, "enable-v2v3") or name in _GATES else name


def gate_of(flag: str) -> str:
    """The feature gate that says the same as an experimental flag that is gone, or nothing."""
    return _GATES.get(flag.removeprefix("experimental-"), "")
