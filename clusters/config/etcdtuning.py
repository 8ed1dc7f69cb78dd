"""The document's etcd tuning as flags of etcd, and as lines of its environment file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusters.config.sections.etcd import Etcd


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
