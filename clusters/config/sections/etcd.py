"""The `etcd` section, since KubeKey 2.1; its backup keys were `kubernetes.etcdBackup…` from 1.1 to 2.0."""

from __future__ import annotations

from typing import Annotated

from clusters.config.keys import Model, Names, PathOrKey, Text, key, or_default

ETCD_TYPES = ("kubekey", "kubeadm", "external")
METRICS = ("basic", "extensive")
LOG_LEVELS = ("", "debug", "info", "warn", "error", "panic", "fatal")

MOVED = {
    "etcdBackupDir": "backupDir",
    "etcdBackupPeriod": "backupPeriod",
    "keepBackupNumber": "keepBackupNumber",
    "etcdBackupScript": "backupScript",
}
"""Key below `kubernetes` before KubeKey 2.1 -> key below `etcd`."""

_SNAPSHOTS = "Save snapshots with `etcdctl snapshot save` from a timer of your own."


class ExternalEtcd(Model):
    """An existing etcd. Certificates and key are PEM texts; only `cluster create` reads paths."""

    endpoints: Names = key((), "URLs of its members, like https://10.1.2.3:2379.", since="2.1")
    ca_file: Text = key("", "Its certificate authority's certificate.", since="2.1", lines=True)
    cert_file: Text = key("", "The client's certificate.", since="2.1", lines=True)
    key_file: PathOrKey = key("", "The client's private key.", since="2.1", lines=True)


class Etcd(Model):
    """The store of the cluster's state, its tuning and backups."""

    type: Annotated[str, or_default("kubekey")] = key(
        "kubekey",
        "kubekey: a system service; kubeadm: a static pod; external: an existing etcd.",
        since="2.1",
        always_written=True,
        choices=ETCD_TYPES,
    )
    external: ExternalEtcd = key(ExternalEtcd(), "Endpoints and certificates of an external etcd.", since="2.1")
    port: int = key(2379, "Clients' port.", since="3.1.3", v4="etcd.port")
    peer_port: int = key(2380, "Members' port.", since="3.1.3", v4="etcd.peer_port")
    data_dir: Text = key("/var/lib/etcd", "Directory of the data.", since="3.0.8", v4="etcd.env.data_dir")
    extra_args: Names = key((), "Lines for etcd's environment file, like ETCD_LOG_LEVEL=debug.", since="3.1.3")
    backup_dir: Text = key(
        "/var/backups/kube_etcd",
        "Directory of the snapshots.",
        since="1.1",
        acted=False,
        v4="etcd.backup.backup_dir",
        instead=_SNAPSHOTS,
    )
    backup_period: int = key(1440, "Minutes between snapshots.", since="1.1", acted=False, instead=_SNAPSHOTS)
    keep_backup_number: int = key(
        5,
        "Number of snapshots to keep.",
        since="1.1",
        acted=False,
        v4="etcd.backup.keep_backup_number",
        instead=_SNAPSHOTS,
    )
    backup_script: Text = key(
        "/usr/local/bin/kube-scripts",
        "Directory of the backup script.",
        since="1.1",
        acted=False,
        instead=_SNAPSHOTS,
    )
    heartbeat_interval: int = key(250, "Milliseconds.", since="3.0.8", v4="etcd.env.heartbeat_interval")
    election_timeout: int = key(
        2500,
        "Milliseconds; with KubeKey's 5000 the API is unavailable for longer when the leader fails.",
        since="3.0.8",
        v4="etcd.env.election_timeout",
    )
    snapshot_count: int = key(
        10000, "Changes between two snapshots of the log.", since="3.0.8", v4="etcd.env.snapshot_count"
    )
    auto_compaction_retention: int = key(
        8, "Hours of history to keep.", since="3.0.8", v4="etcd.env.compaction_retention"
    )
    metrics: Text = key("basic", "basic or extensive.", since="3.0.8", v4="etcd.env.metrics", choices=METRICS)
    log_level: Text = key("", "etcd's default if empty.", since="3.0.8", v4="etcd.env.log_level", choices=LOG_LEVELS)
    quota_backend_bytes: int | None = key(
        None, "Maximum size of the database in bytes.", since="3.0.8", v4="etcd.env.quota_backend_bytes"
    )
    max_request_bytes: int | None = key(
        None, "Maximum size of one request in bytes.", since="3.0.8", v4="etcd.env.max_request_bytes"
    )
    max_snapshots: int | None = key(
        None, "Number of snapshot files to keep.", since="3.0.8", v4="etcd.env.max_snapshots"
    )
    max_wals: int | None = key(None, "Number of log files to keep.", since="3.0.8", v4="etcd.env.max_wals")
