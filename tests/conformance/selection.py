"""Which of upstream's conformance tests run: all, or the tenth that `make test` has time for."""

from __future__ import annotations

SMOKE = {
    "DNS": (r"DNS should provide DNS for (the cluster|services|pods)", r"DNS should provide /etc/hosts entries"),
    "Services": (
        r"Services should (serve|be able to create a functioning NodePort)",
        r"Services should have session affinity work for NodePort",
        r"EndpointSlice should create Endpoints and EndpointSlices",
        r"sig-network\] API Server",
    ),
    "Networking between pods": (r"Granular Checks: Pods", r"HostPort validates"),
    "Volumes": (
        r"EmptyDir volumes (pod should|should support \(non-root,0666)",
        r"Projected combined",
        r"(ConfigMap|Secrets) updates should be reflected in volume",
        r"Secrets should be consumable from pods in volume \[",
        r"Subpath Atomic writer volumes should support subpaths with (configmap|secret) pod \[",
        r"PersistentVolumes CSI Conformance should run",
    ),
    "Configuration of pods": (
        r"sig-node\] ConfigMap should be consumable (as|via)",
        r"sig-node\] Downward API should provide",
    ),
    "Permissions": (
        r"ServiceAccounts should (mount|allow|guarantee|create)",
        r"SubjectReview",
        r"Certificates API",
    ),
    "Deployments": (
        r"\[sig-apps\] Deployment (Rolling|deployment should support|should run)",
        r"ReplicaSet should serve",
    ),
    "kubectl": (r"Kubectl logs logs", r"Kubectl run pod"),
}
"""Subject -> expressions for the names of tests, none of which is serial or slow."""


def smoke_expression() -> str:
    """One expression for ginkgo's --focus."""
    return "|".join(f"({each})" for expressions in SMOKE.values() for each in expressions)


NOT_HERE: dict[str, str] = {}
"""Tests that cannot be run on the lab, with the reason: expression for their names -> sentence."""
