"""Reads YAML text of all KubeKey dialects into a document, with file, line and column of every finding."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from clusters.config import reading
from clusters.config.dialects.companion_documents import kubesphere, rest
from clusters.config.dialects.file_parts import Parts, pick, text_at
from clusters.config.dialects.markdown import without_fence
from clusters.config.dialects.v4 import read as v4_read
from clusters.config.document_masks.findings import names_freely, without_secrets_in
from clusters.config.finding import Finding, Positions, error, info, locate, warning
from clusters.config.kubernetes_versions import newest_proven
from clusters.config.limits import exceeded, refuse_repeated
from clusters.config.paths import joined
from clusters.config.runtimes import DEFAULT
from clusters.config.schema import Document
from clusters.config.secrets.texts import placed
from clusters.config.sections.etcd import MOVED
from clusters.config.sections.kubernetes import KUBEKEY_TAKES
from clusters.config.suggestions import share_of_suggestions
from clusters.config.yaml.scalars import Walk, warn_of_comments, what
from clusters.config.yaml.tree import DOCUMENT, Mapping, Refused, Scalar, excerpt, read, refuse
from clusters.gc_freeze import without_collection

VERSION_IMPLIED = "default.kubernetes_version"
"""The finding that the text has no Kubernetes version, so that the document has Slipway's choice."""

LIMIT = 1_000_000
"""Bytes; a thousand machines need about 120,000."""

WITH_STAND_INS = 8 * LIMIT
"""Bytes of a text with stand-ins, which may be longer than the secrets; it is never stored."""

GROUP = "kubekey.kubesphere.io/"
DIALECTS = ("v1alpha1", "v1alpha2", "v4")
_KEYS = ("apiVersion", "kind", "metadata", "spec")
"""The keys of a file's document."""
_VERSIONS = {"v1alpha1": "v1alpha1", "v1alpha2": "v1alpha2", "v1": "v4"}
"""Version in apiVersion -> dialect. KubeKey 4 names its dialect `v1`."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The contents of a text. `document` is None when a finding blocks; `positions` locates later findings."""

    document: Document | None
    findings: tuple[Finding, ...]
    positions: Positions = field(default_factory=dict)
    dialect: str = "v1alpha2"

    @property
    def names_version(self) -> bool:
        """Whether the text contains the Kubernetes version."""
        return all(finding.id != VERSION_IMPLIED for finding in self.findings)


def load(text: str, *, limit: int = LIMIT, file: str = "") -> Loaded:
    """Read a `config-sample.yaml`, also one inside a Markdown code block. Never raises because of the text.

    `file` is the file name in findings. The result is cached and shared by all callers with the same text, so they
    must not change it.
    """
    if limit > LIMIT and len(text.encode("utf-8", "surrogatepass")) <= LIMIT:
        limit = LIMIT  # a text within the smaller limit is read once for both
    with without_collection():
        return _load(text, limit, file)


@lru_cache(maxsize=4)
def _load(text: str, limit: int, file: str) -> Loaded:
    """Cached for a few texts: one request reads a draft several times, to change, check and show it."""
    walk = Walk()
    try:
        text = without_fence(text.removeprefix("\ufeff"))
        if len(text.encode("utf-8", "surrogatepass")) > limit:
            raise refuse("yaml.too_large", f"The file is larger than {limit:,} bytes.")
        refuse_repeated(read(text), DOCUMENT)
        parts = pick(read(text))
    except Refused as refused:
        return Loaded(None, locate(without_secrets_in((refused.finding,), None), {}, file))
    with share_of_suggestions():
        dialect = _header(walk, parts)
        data = _content(walk, parts, dialect)
    warn_of_comments(walk, text)
    document = None
    if not any(finding.blocking for finding in walk.findings):
        document = _validated(walk, data)
    if document is not None:
        walk.findings += exceeded(document)
        document = None if any(finding.blocking for finding in walk.findings) else document
    found = _without_secrets(walk.findings, text)
    return Loaded(document, locate(found, walk.positions, file), walk.positions, dialect)


def _without_secrets(findings: list[Finding], text: str) -> tuple[Finding, ...]:
    """The findings of reading, without any secret of the text, even if the text is not a document."""
    known: dict[int, Any] = {}
    quoting = any(
        "'" in each.message or '"' in each.message or each.found or names_freely(each.path) for each in findings
    )
    return without_secrets_in(findings, [placed(node, known) for node in read(text)] if quoting else None)


def _header(walk: Walk, parts: Parts) -> str:
    """The dialect, from apiVersion and kind."""
    node = parts.first
    for key in _KEYS:
        walk.positions[key] = (node.line, node.column)  # the position for a missing key
    for key, (mark, _) in node.pairs.items():
        if key in _KEYS:
            walk.positions[key] = (mark.line, mark.column)
            continue
        # Without a position: a key `config` here is not KubeKey 4's document of this name.
        found = reading.unknown(key, "", _KEYS, is_stored=False)
        walk.findings.append(replace(found, line=mark.line, column=mark.column))
    version = text_at(node, "apiVersion")
    dialect = _VERSIONS.get(version.removeprefix(GROUP), "") if version.startswith(GROUP) else ""
    allowed = " and ".join(f"{GROUP}{each}" for each in _VERSIONS)
    usual = "v4" if parts.cluster is None else "v1alpha2"
    if not version:
        assumed = f"{GROUP}{'v1' if usual == 'v4' else usual}"
        message = f"apiVersion is missing; Slipway assumes {assumed}."
        walk.findings.append(warning("api.missing", "apiVersion", message, hint=allowed, allowed=allowed))
    elif not dialect or (dialect == "v4") != (usual == "v4"):
        hint = "v1 requires the kinds Inventory and Config." if dialect == "v4" else "Is this a KubeKey file?"
        message = f"apiVersion is {excerpt(version)}; known versions: {allowed}."
        walk.findings.append(
            error("api.unknown", "apiVersion", message, hint=hint, found=excerpt(version), allowed=allowed)
        )
    if parts.cluster is not None and (kind := text_at(node, "kind")) != "Cluster":
        found = f"kind is {excerpt(kind)}" if kind else "kind is missing"
        make = error if kind else warning
        message = f"{found}; expected kind: Cluster."
        walk.findings.append(make("kind.unknown", "kind", message, found=excerpt(kind), allowed="Cluster"))
    return dialect if dialect and (dialect == "v4") == (usual == "v4") else usual


def _content(walk: Walk, parts: Parts, dialect: str) -> dict[str, Any]:
    """metadata.name and the contents of spec, as data for the model."""
    if dialect == "v4":
        data = v4_read.content(walk, parts)
    else:
        data = _spec(walk, parts.first)
        data |= rest(walk, parts)
    name = _metadata_name(walk, parts.first)
    if name is None:
        message = "metadata.name is missing; Slipway uses the name sample."
        walk.findings.append(warning("metadata.name_missing", "metadata", message))
    else:
        data["name"] = name
    if parts.kubesphere is not None:
        data["---kubesphere"] = kubesphere(walk, parts.kubesphere)
    _fill(walk, data, dialect)
    return data


def _spec(walk: Walk, node: Mapping) -> dict[str, Any]:
    if "spec" not in node.pairs or not isinstance(node.pairs["spec"][1], Mapping):
        found = what(node.pairs["spec"][1]) if "spec" in node.pairs else "nothing"
        message = f"spec must contain keys with values, found {found}."
        walk.findings.append(error("spec.missing", "spec", message, found=found, allowed="keys with values"))
        return {}
    return reading.model(walk, _moved(node.pairs["spec"][1]), Document, "spec")


def _moved(spec: Mapping) -> Mapping:
    """Move etcd's backup keys, which were below kubernetes before KubeKey 2.1, below etcd, unless they are already set.

    Works on copies, because the tree is cached and shared.
    """
    kubernetes = spec.pairs.get("kubernetes", (None, None))[1]
    if not isinstance(kubernetes, Mapping) or not any(key in kubernetes.pairs for key in MOVED):
        return spec
    mark = spec.pairs["kubernetes"][0]
    etcd_mark, etcd = spec.pairs.get("etcd", (mark, None))
    if etcd is None or (isinstance(etcd, Scalar) and etcd.tag == "null"):
        etcd_mark, etcd = mark, Mapping(mark.line, mark.column)
    if not isinstance(etcd, Mapping):
        return spec
    left, theirs = dict(kubernetes.pairs), dict(etcd.pairs)
    for key in [key for key in MOVED if key in left and MOVED[key] not in theirs]:
        theirs[MOVED[key]] = left.pop(key)
    pairs = dict(spec.pairs)
    pairs["kubernetes"] = (mark, replace(kubernetes, pairs=left))
    pairs["etcd"] = (etcd_mark, replace(etcd, pairs=theirs))
    return replace(spec, pairs=pairs)


def _metadata_name(walk: Walk, node: Mapping) -> str | None:
    metadata = node.pairs.get("metadata")
    if metadata is None or not isinstance(metadata[1], Mapping):
        return None
    name: str | None = None
    for key, (mark, value) in metadata[1].pairs.items():
        walk.positions[joined("metadata", key)] = (mark.line, mark.column)
        if key != "name":
            walk.findings.append(reading.unknown(key, "metadata", ("name",), is_stored=False))
        elif isinstance(value, Scalar) and value.tag != "null":
            name = value.text
    return name


def _fill(walk: Walk, data: dict[str, Any], dialect: str) -> None:
    """Fill in missing keys, and report where KubeKey's defaults differ from Slipway's."""
    kubernetes = data.setdefault("kubernetes", {})
    if not isinstance(kubernetes, dict):
        return
    _fill_version(walk, kubernetes, dialect)
    if "containerManager" not in kubernetes:
        kubernetes["containerManager"] = DEFAULT
        if dialect != "v4":
            message = f"No container manager is set: Slipway installs {DEFAULT}, KubeKey would install docker."
            path = "spec.kubernetes.containerManager"
            walk.findings.append(info("default.container_manager", path, message))
    if dialect == "v1alpha1" and "dnsDomain" not in kubernetes and "clusterName" in kubernetes:
        kubernetes["dnsDomain"] = kubernetes["clusterName"]  # this dialect has one key for both


def _fill_version(walk: Walk, kubernetes: dict[str, Any], dialect: str) -> None:
    """Fill in the Kubernetes version when the text has none."""
    path = "spec.kubernetes.version"
    if kubernetes.get("version") or any(finding.path == path for finding in walk.findings):
        return
    kubernetes["version"] = newest_proven()
    other = KUBEKEY_TAKES if dialect != "v4" else "its own default"
    message = f"No Kubernetes version is set: Slipway installs {newest_proven()}, KubeKey would install {other}."
    hint = "Set the version that you want. Slipway writes its choice into the file when it saves or exports it."
    walk.findings.append(warning(VERSION_IMPLIED, path, message, hint=hint, found="nothing"))


def _validated(walk: Walk, data: dict[str, Any]) -> Document | None:
    try:
        return Document.model_validate(data)
    except ValidationError as problem:  # a second safeguard: the walk has already checked every type
        for each in problem.errors(include_input=False, include_context=False, include_url=False):
            path = ".".join(str(part) for part in ("spec", *each["loc"]))
            walk.findings.append(error("type.other", path, f"The value has the wrong type ({each['type']})."))
        return None
