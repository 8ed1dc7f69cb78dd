"""YAML text -> the document, with every finding at its line and column; both of KubeKey's dialects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from clusters.config import reading
from clusters.config.finding import Finding, Positions, error, info, locate, warning
from clusters.config.schema import Document
from clusters.config.yamltree import Mapping, Node, Refused, Scalar, read, refuse, shown, without_fence

LIMIT = 1_000_000
"""Bytes; a thousand machines take about 120,000."""

GROUP = "kubekey.kubesphere.io/"
DIALECTS = ("v1alpha1", "v1alpha2")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a text holds. `document` is None when a finding blocks; `positions` serves `locate()` for later findings."""

    document: Document | None
    findings: tuple[Finding, ...]
    positions: Positions = field(default_factory=dict)
    dialect: str = "v1alpha2"


def load(text: str, *, limit: int = LIMIT) -> Loaded:
    """Read a `config-sample.yaml`, also one inside a Markdown code block. Never raises for what the text holds."""
    walk = reading.Walk()
    try:
        text = without_fence(text.removeprefix("\ufeff"))
        if len(text.encode("utf-8", "surrogatepass")) > limit:
            raise refuse("yaml.too_large", f"The file is larger than {limit:,} bytes.")
        cluster, kubesphere = _pick(read(text))
    except Refused as refused:
        return Loaded(None, (refused.finding,))
    dialect = _header(walk, cluster)
    data = _content(walk, cluster, dialect)
    if kubesphere is not None:
        walk.positions["kubesphere"] = (kubesphere.line, kubesphere.column)
        data["---kubesphere"] = reading.plain(walk, kubesphere, "kubesphere")
        walk.findings.append(
            warning(
                "document.kubesphere",
                "kubesphere",
                "The second document asks for KubeSphere: it is kept in the file, but not acted on yet.",
            )
        )
    reading.warn_of_comments(walk, text)
    document = None
    if not any(finding.blocking for finding in walk.findings):
        document = _validated(walk, data)
    return Loaded(document, locate(walk.findings, walk.positions), walk.positions, dialect)


def _pick(documents: list[Node]) -> tuple[Mapping, Mapping | None]:
    """The cluster and, if there is one, KubeSphere's document. Raises Refused."""
    if not documents:
        raise refuse("yaml.empty", "The file is empty.", hint="It should start with apiVersion and kind: Cluster.")
    cluster: Mapping | None = None
    kubesphere: Mapping | None = None
    for node in documents:
        if not isinstance(node, Mapping):
            raise refuse(
                "yaml.not_a_mapping",
                f"Keys with values are expected here, found {reading.what(node)}.",
                hint="The file should start with apiVersion, kind: Cluster, metadata and spec.",
                line=node.line,
                column=node.column,
            )
        if kubesphere is None and _text_at(node, "kind") in ("ClusterConfiguration", "ConfigMap"):
            kubesphere = node
        elif cluster is None:
            cluster = node
        else:
            raise refuse(
                "yaml.documents",
                "The file holds more than one cluster.",
                hint="One file describes one cluster, and optionally KubeSphere's ClusterConfiguration after ---.",
                line=node.line,
                column=node.column,
            )
    if cluster is None:
        raise refuse("kind.missing", "The file describes KubeSphere, but no cluster.", hint="Add kind: Cluster.")
    return cluster, kubesphere


def _text_at(node: Mapping, key: str) -> str:
    pair = node.pairs.get(key)
    return pair[1].text if pair is not None and isinstance(pair[1], Scalar) else ""


def _header(walk: reading.Walk, node: Mapping) -> str:
    """apiVersion and kind: which dialect it is."""
    for key, (mark, _) in node.pairs.items():
        walk.positions[key] = (mark.line, mark.column)
        if key not in ("apiVersion", "kind", "metadata", "spec"):
            walk.findings.append(reading.unknown(key, "", ("apiVersion", "kind", "metadata", "spec"), kept=False))
    version = _text_at(node, "apiVersion")
    dialect = version.removeprefix(GROUP)
    allowed = " and ".join(GROUP + each for each in DIALECTS)
    if not version:
        walk.findings.append(
            warning("api.missing", "apiVersion", f"apiVersion is missing; {GROUP}v1alpha2 is assumed.", hint=allowed)
        )
    elif not version.startswith(GROUP) or dialect not in DIALECTS:
        hint = "KubeKey 4 (Inventory and Config) is not read yet." if dialect == "v1" else "Is it a KubeKey file?"
        walk.findings.append(
            error("api.unknown", "apiVersion", f"apiVersion is {shown(version)}; known are {allowed}.", hint=hint)
        )
    kind = _text_at(node, "kind")
    if kind != "Cluster":
        found = f"kind is {shown(kind)}" if kind else "kind is missing"
        make = error if kind else warning
        walk.findings.append(make("kind.unknown", "kind", f"{found}; kind: Cluster is expected."))
    return dialect if dialect in DIALECTS else "v1alpha2"


def _content(walk: reading.Walk, node: Mapping, dialect: str) -> dict[str, Any]:
    """metadata.name and everything below spec, as data for the model."""
    data: dict[str, Any] = {}
    if "spec" not in node.pairs or not isinstance(node.pairs["spec"][1], Mapping):
        found = reading.what(node.pairs["spec"][1]) if "spec" in node.pairs else "nothing"
        walk.findings.append(error("spec.missing", "spec", f"Below spec keys with values are expected, found {found}."))
    else:
        data = reading.model(walk, node.pairs["spec"][1], Document, "spec")
    name = _metadata_name(walk, node)
    if name is None:
        walk.findings.append(
            warning("metadata.name_missing", "metadata", "metadata.name is missing; the cluster is called sample.")
        )
    else:
        data["name"] = name
    if data.get("addons", ...) in (None, []):
        del data["addons"]
    _fill(walk, data, dialect)
    return data


def _metadata_name(walk: reading.Walk, node: Mapping) -> str | None:
    metadata = node.pairs.get("metadata")
    if metadata is None or not isinstance(metadata[1], Mapping):
        return None
    name: str | None = None
    for key, (mark, value) in metadata[1].pairs.items():
        walk.positions[f"metadata.{key}"] = (mark.line, mark.column)
        if key != "name":
            walk.findings.append(reading.unknown(key, "metadata", ("name",), kept=False))
        elif isinstance(value, Scalar) and value.tag != "null":
            name = value.text
    return name


def _fill(walk: reading.Walk, data: dict[str, Any], dialect: str) -> None:
    """What KubeKey would decide otherwise when a key is left out, said aloud."""
    kubernetes = data.setdefault("kubernetes", {})
    if not isinstance(kubernetes, dict):
        return
    if "containerManager" not in kubernetes:
        kubernetes["containerManager"] = "containerd"
        walk.findings.append(
            info(
                "default.container_manager",
                "spec.kubernetes.containerManager",
                "No container manager is named; KubeKey would install docker, Slipway installs containerd.",
            )
        )
    if dialect == "v1alpha1" and "dnsDomain" not in kubernetes and "clusterName" in kubernetes:
        kubernetes["dnsDomain"] = kubernetes["clusterName"]  # one key for both in that dialect


def _validated(walk: reading.Walk, data: dict[str, Any]) -> Document | None:
    try:
        return Document.model_validate(data)
    except ValidationError as problem:  # the walk has checked every type; this is the second lock
        for each in problem.errors(include_input=False, include_context=False, include_url=False):
            path = ".".join(str(part) for part in ("spec", *each["loc"]))
            walk.findings.append(error("type.other", path, f"The value has the wrong type ({each['type']})."))
        return None
