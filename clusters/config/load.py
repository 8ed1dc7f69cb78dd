"""Reads YAML text of all KubeKey dialects into a document, with file, line and column of every finding."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from clusters.config import reading
from clusters.config.dialects.companion_documents import kubesphere, rest
from clusters.config.dialects.file_parts import GROUP, Parts, pick, text_at
from clusters.config.dialects.markdown import Extract, extract
from clusters.config.dialects.v4 import mapping as v4_mapping
from clusters.config.dialects.v4 import read as v4_read
from clusters.config.document_masks.findings import names_freely, without_secrets_in
from clusters.config.finding import Finding, Positions, error, info, locate, warning
from clusters.config.keys import Model, keys_of
from clusters.config.kubernetes_versions import newest_proven
from clusters.config.limits import exceeded, refuse_repeated
from clusters.config.moved_keys import moved
from clusters.config.paths import joined
from clusters.config.plugins import plugins
from clusters.config.runtimes import DEFAULT
from clusters.config.schema import Document
from clusters.config.secrets.texts import placed
from clusters.config.sections.kubernetes import KUBEKEY_TAKES
from clusters.config.suggestions import share_of_suggestions
from clusters.config.syntax import as_networks
from clusters.config.yaml import slips
from clusters.config.yaml.scalars import Walk, warn_of_comments, what
from clusters.config.yaml.tree import DOCUMENT, Mapping, Refused, Scalar, excerpt, read, refuse
from clusters.gc_freeze import without_collection

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION_IMPLIED = "default.kubernetes_version"
"""The finding that the text has no Kubernetes version, so that the document has Slipway's choice."""

_METADATA = (
    *("namespace", "labels", "annotations", "generateName", "creationTimestamp", "deletionTimestamp", "finalizers"),
    *("deletionGracePeriodSeconds", "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink"),
    "uid",
)
"""Keys of every Kubernetes object; KubeKey accepts and ignores them, and a save leaves them in the text."""

LIMIT = 1_000_000
"""Bytes; a thousand machines need about 120,000."""

WITH_STAND_INS = 8 * LIMIT
"""Bytes of a text with stand-ins, which may be longer than the secrets; it is never stored."""

_TOP = ("apiVersion", "kind", "metadata", "spec")
"""The keys of a file's document."""
DIALECTS = ("v1alpha1", "v1alpha2", "v4")
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
        page = extract(text.removeprefix("\ufeff"))
        text = page.text
        if len(text.encode("utf-8", "surrogatepass")) > limit:
            raise refuse("yaml.too_large", f"The file is larger than {limit:,} bytes.")
        refuse_repeated(read(text), DOCUMENT)
        nodes = read(text)
        parts = pick(nodes)
        walk.findings += slips.values_over_lines(text, nodes, key_names())
    except Refused as refused:
        reason = slips.explained(refused.finding, text, key_names())
        return Loaded(None, _in_page(page, locate(without_secrets_in((reason,), None), {}, file)))
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
    walk.findings += (_ignored_block(line, kind, page) for line, kind in page.others)
    found = locate(_without_secrets(walk.findings, text), walk.positions, file)
    positions = {path: (line, column + _indent(page, line)) for path, (line, column) in walk.positions.items()}
    return Loaded(document, _in_page(page, found), positions if page.indents else walk.positions, dialect)


def _in_page(page: Extract, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings with columns of the page: its blocks may be indented."""
    if not page.indents:
        return found
    return tuple(replace(each, column=each.column + _indent(page, each.line)) for each in found)


def _indent(page: Extract, line: int) -> int:
    return next((columns for first, last, columns in page.indents if first <= line <= last), 0)


def _ignored_block(line: int, kind: str, page: Extract) -> Finding:
    message = f"Slipway reads the document in line {page.above + 1}, but not this other one of kind {excerpt(kind)}."
    hint = "To read this one, remove the other."
    return replace(info("yaml.block_ignored", "", message, hint=hint, found=excerpt(kind)), line=line, column=1)


@cache
def key_names() -> frozenset[str]:
    """The names of all keys in KubeKey's files."""
    found = {*_TOP, "groups", *v4_mapping.GROUPS.values(), *v4_mapping.CONNECTOR.values(), "connector", "internal_ipv4"}
    found |= {name for place in v4_mapping.places() for name in place}
    waiting: list[type[Model]] = [Document]
    while waiting:
        for name, key in keys_of(waiting.pop()).items():
            found.add(name)
            waiting += [key.inner] if key.inner is not None else []
    return frozenset(name for name in found if not name.startswith("---"))


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
    for key in _TOP:
        walk.positions[key] = (node.line, node.column)  # the position for a missing key
    for key, (mark, _) in node.pairs.items():
        if key in _TOP:
            walk.positions[key] = (mark.line, mark.column)
            continue
        # Without a position: a key `config` here is not KubeKey 4's document of this name.
        strange = reading.unknown(key, "", _TOP, is_stored=False)
        walk.findings.append(replace(strange, line=mark.line, column=mark.column))
    for other in parts.beside_first:
        _header_of_other(walk, other)
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
    walk.findings += map(_skipped, parts.others)
    if parts.cluster is not None and (kind := text_at(node, "kind")) != "Cluster":
        found = f"kind is {excerpt(kind)}" if kind else "kind is missing"
        make = error if kind else warning
        message = f"{found}; expected kind: Cluster."
        walk.findings.append(make("kind.unknown", "kind", message, found=excerpt(kind), allowed="Cluster"))
    return dialect if dialect and (dialect == "v4") == (usual == "v4") else usual


def _header_of_other(walk: Walk, node: Mapping) -> None:
    """The header of an Inventory or a Config beside the first document."""
    found = [
        (reading.unknown(key, "", _TOP, is_stored=False), mark)
        for key, (mark, _) in node.pairs.items()
        if key not in _TOP
    ]
    metadata = node.pairs.get("metadata", (None, None))[1]
    if isinstance(metadata, Mapping):
        for key, (mark, _) in metadata.pairs.items():
            if key not in ("name", *_METADATA):
                found.append((reading.unknown(key, "metadata", ("name",), is_stored=False), mark))
    version = text_at(node, "apiVersion")
    if version and version != f"{GROUP}v1":
        message = f"apiVersion of this {text_at(node, 'kind')} is {excerpt(version)}; expected {GROUP}v1."
        wrong = error("api.unknown", "apiVersion", message, found=excerpt(version), allowed=f"{GROUP}v1")
        found.append((wrong, node.pairs["apiVersion"][0]))
    walk.findings += (replace(each, line=mark.line, column=mark.column) for each, mark in found)


def _skipped(node: Mapping) -> Finding:
    """The warning about a document of another kind."""
    kind = excerpt(text_at(node, "kind"))
    message = f"The document of kind {kind} is not part of the cluster; Slipway and KubeKey skip it."
    hint = "Apply it with kubectl after the run, or move it into a separate file."
    found = warning("document.skipped", "kind", message, hint=hint, found=kind, allowed="Cluster")
    return replace(found, line=node.line, column=node.column)


def _content(walk: Walk, parts: Parts, dialect: str) -> dict[str, Any]:
    """metadata.name and the contents of spec, as data for the model."""
    if dialect == "v4":
        data = v4_read.content(walk, parts)
    else:
        walk.strict = text_at(parts.first, "apiVersion") == f"{GROUP}v1alpha2"
        data = _spec(walk, parts.first)
        walk.strict = False
        data |= rest(walk, parts)
    name = _metadata_name(walk, parts.first)
    if name is None:
        message = "metadata.name is missing; Slipway uses the name sample."
        walk.findings.append(warning("metadata.name_missing", "metadata", message))
    else:
        data["name"] = name
    if parts.kubesphere is not None:
        data["---kubesphere"] = kubesphere(walk, parts.kubesphere)
    if all(finding.id != "spec.misplaced" for finding in walk.findings):
        _fill(walk, data, dialect)
    walk.findings += _addresses_as_networks(data)
    return data


def _addresses_as_networks(data: dict[str, Any]) -> Iterator[Finding]:
    """A warning for each network that is written as an address in it."""
    network = data.get("network", {})
    texts = [(f"spec.network.{name}", network.get(name)) for name in ("kubePodsCIDR", "kubeServiceCIDR")]
    for plugin in plugins():
        texts += [(f"spec.network.{plugin.name}.{place}", text) for place, text in _cidrs(network.get(plugin.name))]
    for path, text in texts:
        if isinstance(text, str) and as_networks(text) != text:
            message = f"{text} is an address; Slipway reads it as the network {as_networks(text)}."
            hint = f"Write {as_networks(text)}."
            allowed = as_networks(text)
            yield warning("network.host_bits", path, message, hint=hint, found=text, allowed=allowed)


def _cidrs(options: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """The networks in the options of a network plugin, with their paths."""
    numbered = enumerate(options) if isinstance(options, list) else ()
    for name, inner in options.items() if isinstance(options, dict) else numbered:
        if name in ("cidr", "joinCIDR"):
            yield f"{before}{name}", inner
        else:
            yield from _cidrs(inner, f"{before}{name}.")


def _spec(walk: Walk, node: Mapping) -> dict[str, Any]:
    metadata = node.pairs.get("metadata", (None, None))[1]
    if "spec" not in node.pairs and isinstance(metadata, Mapping) and "spec" in metadata.pairs:
        message = "spec is inside metadata; it must be at the same level."
        hint = "Indent spec like metadata, and everything below spec by as much less."
        path, allowed = "metadata.spec", "spec in the first column of the document"
        walk.findings.append(
            error("spec.misplaced", path, message, hint=hint, found="spec below metadata", allowed=allowed)
        )
        return {}
    if "spec" not in node.pairs or not isinstance(node.pairs["spec"][1], Mapping):
        found = what(node.pairs["spec"][1]) if "spec" in node.pairs else "nothing"
        message = f"spec must contain keys with values, found {found}."
        walk.findings.append(error("spec.missing", "spec", message, found=found, allowed="keys with values"))
        return {}
    return reading.model(walk, moved(node.pairs["spec"][1]), Document, "spec")


def _metadata_name(walk: Walk, node: Mapping) -> str | None:
    metadata = node.pairs.get("metadata")
    if metadata is None or not isinstance(metadata[1], Mapping):
        return None
    name: str | None = None
    for key, (mark, value) in metadata[1].pairs.items():
        walk.positions[joined("metadata", key)] = (mark.line, mark.column)
        if key not in ("name", *_METADATA):
            if key != "spec" or "spec" in node.pairs:  # else reported as misplaced
                walk.findings.append(reading.unknown(key, "metadata", ("name",), is_stored=False))
        elif key == "name" and isinstance(value, Scalar) and value.tag != "null":
            name = value.text
    return name


def _fill(walk: Walk, data: dict[str, Any], dialect: str) -> None:
    """Fill in missing keys, and report where KubeKey's defaults differ from Slipway's."""
    kubernetes = data.setdefault("kubernetes", {})
    if not isinstance(kubernetes, dict):
        return
    _fill_version(walk, kubernetes, dialect)
    if not kubernetes.get("containerManager", DEFAULT):
        del kubernetes["containerManager"]  # KubeKey treats an empty text as not set
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
