"""Rules on KubeSphere's document. While Slipway does not install KubeSphere, problems in it are warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config import matrix
from clusters.config.finding import error, warning
from clusters.config.rules.compatibility import kubernetes_of, series
from clusters.config.rules.notbuilt import is_built
from clusters.config.rules.registry import rule
from clusters.config.syntax import did_you_mean
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

ROLES = ("none", "host", "member")
_VERSION = "kubesphere.metadata.labels.version"


@rule(waivable=("kubesphere.kubernetes",))
def versions(document: Document) -> Iterator[Finding]:
    """KubeSphere's version exists and is compatible with this Kubernetes."""
    found = document.kubesphere_document
    if found is None:
        return
    make_finding = error if is_built("documents", "KubeSphere") else warning
    minors = matrix.KUBESPHERE.get(found.version)
    known = ", ".join(matrix.KUBESPHERE)
    version = kubernetes_of(document)
    if not found.version:
        message = "The label version with KubeSphere's version is missing."
        hint = "Set metadata.labels.version, like v3.4.1."
        yield make_finding("kubesphere.version_missing", _VERSION, message, hint=hint, found="nothing", allowed=known)
    elif minors is None:
        message = f"KubeKey 3 does not support KubeSphere {excerpt(found.version)}."
        hint = did_you_mean(found.version, matrix.KUBESPHERE) or "The newest is v3.4.1."
        text = excerpt(found.version)
        yield make_finding("kubesphere.version_unknown", _VERSION, message, hint=hint, found=text, allowed=known)
    elif version is not None and not minors[0] <= version.minor <= minors[1]:
        message = f"KubeSphere {found.version} is for Kubernetes {series(minors)}, not for {version}."
        yield make_finding("kubesphere.kubernetes", _VERSION, message, found=found.version, allowed=series(minors))


@rule
def kind(document: Document) -> Iterator[Finding]:
    """Up to v2.1.1 it is a ConfigMap, from v3.0.0 on a ClusterConfiguration."""
    found = document.kubesphere_document
    if found is None or found.version not in matrix.KUBESPHERE:
        return
    wanted = "ConfigMap" if found.version == "v2.1.1" else "ClusterConfiguration"
    if found.kind != wanted:
        message = f"KubeSphere {found.version} needs a {wanted}, found {excerpt(found.kind)}."
        yield warning("kubesphere.kind", "kubesphere.kind", message, found=found.kind, allowed=wanted)


@rule
def values(document: Document) -> Iterator[Finding]:
    """The multicluster role and the console's port are valid."""
    found = document.kubesphere_document
    if found is None:
        return
    make_finding = error if is_built("documents", "KubeSphere") else warning
    role = found.spec.multicluster.cluster_role
    if role and role not in ROLES:
        path = "kubesphere.spec.multicluster.clusterRole"
        message = f"{excerpt(role)} is not a multicluster role."
        allowed = ", ".join(ROLES)
        yield make_finding(
            "kubesphere.cluster_role", path, message, hint=did_you_mean(role, ROLES), found=role, allowed=allowed
        )
    for path, port in (
        ("kubesphere.spec.common.core.console.port", found.spec.common.core.console.port),
        ("kubesphere.spec.console.port", found.spec.console.port),
    ):
        if port is not None and not 30000 <= port <= 32767:
            message = f"The console's port {port} is not a NodePort."
            hint = "30880 is usual."
            yield make_finding(
                "kubesphere.console_port", path, message, hint=hint, found=str(port), allowed="30000 to 32767"
            )
