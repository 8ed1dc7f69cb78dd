"""The spelling of settings in kubeadm's API versions, and how the document's settings override ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config.component_settings import feature_gates
from clusters.config.kubernetes_versions import facts_of, parse_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clusters.config.schema import Document

API_SERVER_WAIT = "5m0s"
"""How long kubeadm waits for the first answer of an API server it started, and of the one it joins; its own defaults
are 4 and 5 minutes."""


def api_version(document: Document) -> str:
    """`kubeadm.k8s.io/v1beta2` or later: the newest that this Kubernetes version has."""
    return f"kubeadm.k8s.io/{facts_of(document.kubernetes.version).kubeadm_api}"


def is_list_dialect(document: Document) -> bool:
    """Whether arguments are lists of names and values and timeouts have a separate section: from v1beta4 on."""
    return facts_of(document.kubernetes.version).kubeadm_api == "v1beta4"


def arguments(document: Document, values: Mapping[str, str]) -> Any:
    """Arguments in the form of the API version."""
    if is_list_dialect(document):
        return [{"name": name, "value": value} for name, value in values.items()]
    return dict(values)


def parsed(items: Iterable[str]) -> dict[str, str]:
    """`name=value` as the document writes arguments; the last of several with one name counts."""
    pairs = (item.partition("=") for item in items)
    return {name.strip().lstrip("-"): value for name, _, value in pairs}


def known_gates(document: Document) -> dict[str, bool]:
    """The document's feature gates that this version accepts: components do not start with an unknown one."""
    minor, wanted = parse_version(document.kubernetes.version).minor, sorted(document.kubernetes.feature_gates.items())
    return {name: on for name, on in wanted if feature_gates.is_taken(name, on, minor)}


def gates_argument(document: Document) -> dict[str, str]:
    """The same as an argument of a component."""
    gates = ",".join(f"{name}={str(on).lower()}" for name, on in known_gates(document).items())
    return {"feature-gates": gates} if gates else {}


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """The document's configuration over ours: mappings are merged, any other value replaces ours.

    `apiVersion` and `kind` stay ours; null removes a setting of ours.
    """
    found = dict(ours)
    for name, value in theirs.items():
        if name in ("apiVersion", "kind"):
            continue
        if value is None:
            found.pop(name, None)
        elif isinstance(value, dict) and isinstance(found.get(name), dict):
            found[name] = merged(found[name], value)
        else:
            found[name] = value
    return found
