"""Rules on kubernetes.kubeletArgs: the kubelet does not start with an unknown flag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.component_settings.kubelet_flags import CAME, GONE
from clusters.config.finding import error
from clusters.config.rules.compatibility import kubernetes_of
from clusters.config.rules.registry import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document


@rule
def flags(document: Document) -> Iterator[Finding]:
    """The kubelet of this Kubernetes has the flags in its arguments."""
    version = kubernetes_of(document)
    if version is None:
        return
    for index, line in enumerate(document.kubernetes.kubelet_args):
        name = line.partition("=")[0].strip().lstrip("-")
        gone, came = GONE.get(name, version.minor + 1), CAME.get(name, 0)
        if came <= version.minor < gone:
            continue
        message = f"The kubelet of {version} has no flag {name} and does not start with it."
        allowed = f"before v1.{gone}" if version.minor >= gone else f"v1.{came} and newer"
        path = f"spec.kubernetes.kubeletArgs.{index}"
        yield error("kubernetes.kubelet_flag", path, message, hint="Remove it.", found=name, allowed=allowed)
