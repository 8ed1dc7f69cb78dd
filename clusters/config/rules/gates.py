"""Rules on feature gates anywhere in the document: a component does not start with an unknown one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.component_settings.feature_gates import LISTED, gates_in, locked_to, why_unknown
from clusters.config.finding import error, warning
from clusters.config.paths import joined
from clusters.config.rules.compatibility import kubernetes_of
from clusters.config.rules.registry import rule
from clusters.config.syntax import did_you_mean
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.config.finding import Finding
    from clusters.config.kubernetes_versions import Version
    from clusters.config.schema import Document

_PATH = "spec.kubernetes"
_SORTED = sorted(LISTED)
_OF_ALL = f"{_PATH}.featureGates"


@rule(waivable=True)
def of_all_components(document: Document) -> Iterator[Finding]:
    """This Kubernetes accepts the feature gates of all components; Slipway omits others."""
    version = kubernetes_of(document)
    if version is None:
        return
    for gate, on in document.kubernetes.feature_gates.items():
        why = _refusal(gate, on, version)
        if why is not None:
            message, hint = f"{why[0]}; {version} does not start with it.", "Remove it."
            path = joined(_OF_ALL, gate)
            yield error("compat.feature_gate", path, message, hint=hint, found=gate, allowed=why[1])


@rule
def of_one_component(document: Document) -> Iterator[Finding]:
    """This Kubernetes accepts the feature gates of one component; they are passed on unchanged."""
    version = kubernetes_of(document)
    if version is None:
        return
    for component, path, gate, on in _of_one(document):
        why = _refusal(gate, on, version)
        if why is not None:
            id = "kubernetes.kubelet_gate" if component == "kubelet" else "kubernetes.component_gate"
            message = f"{why[0]}; the {component} of {version} does not start with it."
            yield error(id, path, message, hint="Remove it.", found=gate, allowed=why[1])


@rule
def unlisted(document: Document) -> Iterator[Finding]:
    """Feature gates are known to Slipway: it cannot know whether other ones exist."""
    everywhere = [(joined(_OF_ALL, gate), gate) for gate in document.kubernetes.feature_gates]
    for path, gate in [*everywhere, *((path, gate) for _, path, gate, _ in _of_one(document))]:
        if gate not in LISTED:
            message = f"Slipway does not know the feature gate {excerpt(gate)}; a component that does not know it "
            message += "does not start."
            hint = did_you_mean(gate, _SORTED) or "Check that your version of Kubernetes has it, or remove it."
            yield warning("kubernetes.gate_unlisted", path, message, hint=hint, found=excerpt(gate))


def _refusal(gate: str, on: bool | None, version: Version) -> tuple[str, str] | None:
    """Why the version does not start with the gate, as the start of a sentence, and what it accepts."""
    why = why_unknown(gate, version.minor)
    if why is not None or on is None:
        return why
    only = locked_to(gate, version.minor)
    if only is None or only is on:
        return None
    value = str(only).lower()
    return f"The feature gate {gate} is locked to {value} in v1.{version.minor}", value


def _of_one(document: Document) -> Iterator[tuple[str, str, str, bool | None]]:
    """Component, path, feature gate and its value; None if the value is neither true nor false."""
    section = document.kubernetes
    arguments: list[tuple[str, str, Iterable[str]]] = [
        ("API server", "apiserverArgs", section.apiserver_args),
        ("controller manager", "controllerManagerArgs", section.controller_manager_args),
        ("scheduler", "schedulerArgs", section.scheduler_args),
        ("kubelet", "kubeletArgs", section.kubelet_args),
    ]
    configurations = [("kubelet", "kubeletConfiguration", section.kubelet_configuration)]
    if not section.disable_kube_proxy:
        arguments.append(("kube-proxy", "kubeProxyArgs", section.kube_proxy_args))
        configurations.append(("kube-proxy", "kubeProxyConfiguration", section.kube_proxy_configuration))
    for component, key, lines in arguments:
        for index, line in enumerate(lines):
            for gate, on in gates_in(line):
                yield component, f"{_PATH}.{key}.{index}", gate, on
    for component, key, configuration in configurations:
        gates = configuration.get("featureGates")
        if isinstance(gates, dict):
            for gate, on in gates.items():
                value = on if isinstance(on, bool) else None
                yield component, joined(_PATH, key, "featureGates", gate), str(gate), value
