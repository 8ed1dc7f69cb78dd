"""The API server's audit log: which requests it records, where, and the arguments for kubeadm."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clusters.config.schema import Document

FOLDER = "/etc/kubernetes/audit"
POLICY = f"{FOLDER}/policy.yaml"
LOGS = "/var/log/kubernetes/audit"

ARGUMENTS = {
    "audit-policy-file": POLICY,
    "audit-log-path": f"{LOGS}/audit.log",
    "audit-log-format": "json",
    "audit-log-maxage": "30",
    "audit-log-maxbackup": "10",
    "audit-log-maxsize": "200",
}
"""Days, files and MB that are stored; more than KubeKey's two files, because a deleted log is useless."""

VOLUMES: list[dict[str, Any]] = [
    {
        "name": "audit-policy",
        "hostPath": FOLDER,
        "mountPath": FOLDER,
        "readOnly": True,
        "pathType": "DirectoryOrCreate",
    },
    {"name": "audit-log", "hostPath": LOGS, "mountPath": LOGS, "readOnly": False, "pathType": "DirectoryOrCreate"},
]


def policy(document: Document) -> str:
    """The document's own policy; else ours, which records who did what, never the contents of secrets, and not the
    constant requests of components."""
    whole = dict(document.kubernetes.audit.policy) or _ours()
    whole |= {"apiVersion": "audit.k8s.io/v1", "kind": "Policy"}
    return "# Written by Slipway; changes are overwritten by its next run.\n" + json.dumps(whole, indent=2) + "\n"


def _ours() -> dict[str, Any]:
    quiet = ["system:kube-proxy", "system:kube-scheduler", "system:kube-controller-manager", "system:apiserver"]
    rules: list[dict[str, Any]] = [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/metrics"]},
        {"level": "None", "users": quiet, "verbs": ["get", "list", "watch"]},
        {"level": "None", "userGroups": ["system:nodes"], "verbs": ["get", "list", "watch"]},
        {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
        {"level": "None", "resources": [{"group": "", "resources": ["events"]}]},
        {
            "level": "Metadata",
            "resources": [
                {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]},
                {"group": "authentication.k8s.io", "resources": ["tokenreviews"]},
            ],
        },
        {"level": "Metadata", "verbs": ["get", "list", "watch"]},
        {"level": "Request", "omitStages": ["RequestReceived"]},
    ]
    return {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
