"""Changes a document in its original text: comments, order and layout of unchanged parts are preserved."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from clusters.config.dialects.file_parts import pick
from clusters.config.dialects.fit import fitted
from clusters.config.dialects.markdown import BYTE_ORDER_MARK, source_of
from clusters.config.dialects.render import documents, render
from clusters.config.document_masks.texts import masked_text
from clusters.config.document_masks.unmask import with_masks, with_stand_ins
from clusters.config.load import LIMIT, WITH_STAND_INS, load
from clusters.config.secret import MASK
from clusters.config.yaml import emit
from clusters.config.yaml.patch import CannotPatch, Patcher
from clusters.config.yaml.tree import Mapping, read
from clusters.errors import ConfigError
from clusters.places import command_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.config.schema import Document

_STAND_IN = f"stands-in-for-a-secret-{secrets.token_hex(8)}"
_SLOTS = {"Cluster": "cluster", "Inventory": "inventory", "Config": "config"}


def edit(original: str, document: Document, *, limit: int = LIMIT) -> str:
    """The text with all differences applied, including secrets; for a Markdown page, its code block.

    The result always loads as `document` and contains its Kubernetes version. The dialect is preserved, or becomes
    v1alpha2 when the document has something new that the dialect cannot express. A change that cannot be made in
    place rewrites its section, or the whole file. `limit` limits the bytes of a result that is not stored.
    A byte order mark stays. Raises ConfigError when the original is invalid.
    """
    mark = BYTE_ORDER_MARK if original.startswith(BYTE_ORDER_MARK) else ""
    return mark + _edited(original, document, limit)


def _edited(original: str, document: Document, limit: int) -> str:
    loaded = load(original)
    if loaded.document is None:
        raise ConfigError(
            "The original text is invalid, so it cannot be changed in place.",
            hint="Write a new document.",
        )
    text = source_of(original)
    before = loaded.document
    if not loaded.names_version:
        before = before.model_copy(update={"kubernetes": before.kubernetes.model_copy(update={"version": ""})})
    if before == document:
        return text
    fits = fitted(document, loaded.dialect) == document
    # A text keeps what it contains, even if its dialect does not have it.
    stays = fits or fitted(before, loaded.dialect) != before
    dialects = dict.fromkeys(([loaded.dialect] if stays else []) + ([] if fits else ["v1alpha2"]))
    for dialect in dialects:
        if (dialect == "v4") != (loaded.dialect == "v4"):
            continue
        old, new = documents(before, loaded.dialect, "show"), documents(document, dialect, "show")
        for way in (_in_place, _by_section):
            found = _attempt(way, text, old, new, loosely=dialect == loaded.dialect)
            if found and load(found, limit=limit).document == document:
                return found
    return render(document, dialect=loaded.dialect if fits else "v1alpha2", secrets="show")


def masked(original: str) -> str:
    """The text with a mask for every secret that `render` would mask; every other character is unchanged.

    Secrets in comments are not covered. Raises ConfigError when the original is invalid.
    """
    text = source_of(original)
    # Stored dots look like a mask: read unchanged, the value around them would count as not set.
    for each in dict.fromkeys((with_stand_ins(text), text)):
        loaded = load(each, limit=WITH_STAND_INS)
        if loaded.document is not None:
            found = masked_text(each, loaded.document)
            return with_masks(found.text if found else _masked_again(each, loaded.document, loaded.dialect))
    raise ConfigError(
        "The text is invalid, so its secrets cannot be found.",
        hint=f"Fix what `{command_line('config check FILE')}` reports.",
    )


def _masked_again(text: str, document: Document, dialect: str) -> str:
    """The masked text where masking in place fails: rewrites a key, its section, or the whole file."""
    old, mask = documents(document, dialect, "show"), documents(document, dialect, "mask")
    if old == mask:
        return text
    # A masked value loads as not set; with a stand-in in its place, the change can be verified.
    new = _with(mask, MASK, _STAND_IN)
    for way in (_in_place, _by_section):
        found = _attempt(way, text, old, new, loosely=True)
        again = load(found, limit=WITH_STAND_INS).document if found else None
        if again is not None and documents(again, dialect, "show") == new:
            return found.replace(_STAND_IN, MASK)
    return render(document, dialect=dialect, secrets="mask")


def _with(value: Any, text: str, other: str) -> Any:
    """The same plain data with every occurrence of a text replaced."""
    if isinstance(value, str):
        return type(value)(value.replace(text, other)) if text in value else value
    if isinstance(value, dict):
        return type(value)({key: _with(inner, text, other) for key, inner in value.items()})
    return [_with(inner, text, other) for inner in value] if isinstance(value, list | tuple) else value


def _attempt(way: Callable[..., str], text: str, old: Any, new: Any, *, loosely: bool) -> str:
    try:
        return way(text, old, new, loosely)
    except CannotPatch:
        return ""


def _nodes(text: str) -> dict[str, Mapping]:
    parts = pick(read(text))
    found = {slot: getattr(parts, slot) for slot in ("cluster", "kubesphere", "inventory", "config")}
    return {slot: node for slot, node in found.items() if node is not None}


def _by_slot(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {_SLOTS.get(each["kind"], "kubesphere"): each for each in found}


def _in_place(text: str, old: list[dict[str, Any]], new: list[dict[str, Any]], loosely: bool) -> str:
    """The smallest patches."""
    nodes, before, after = _nodes(text), _by_slot(old), _by_slot(new)
    if set(before) - set(after):
        raise CannotPatch
    patcher = Patcher(text, loosely)
    for slot, data in after.items():
        if slot in before and slot in nodes:
            patcher.mapping(nodes[slot], before[slot], data)
    patched = patcher.applied()
    for slot, data in after.items():
        if slot not in before:
            end = "" if patched.endswith("\n") else "\n"
            patched += f"{end}---\n" + "".join(f"{line}\n" for line in emit.block(data))
    return patched


def _by_section(text: str, old: list[dict[str, Any]], new: list[dict[str, Any]], loosely: bool) -> str:
    """Rewrite the sections below spec that differ."""
    nodes, before, after = _nodes(text), _by_slot(old), _by_slot(new)
    if set(before) != set(after) or not set(after) <= set(nodes):
        raise CannotPatch
    patcher = Patcher(text, loosely)
    for slot, data in after.items():
        for key, value in data.items():
            spec = nodes[slot].pairs.get(key, (None, None))[1]
            if key == "spec" and isinstance(spec, Mapping):
                _sections(patcher, spec, before[slot]["spec"], value)
            elif not patcher.same(before[slot].get(key), value):
                patcher.mapping(nodes[slot], {key: before[slot].get(key)}, {key: value})
    return patcher.applied()


def _sections(patcher: Patcher, spec: Mapping, old: dict[str, Any], new: dict[str, Any]) -> None:
    existing = {key: value for key, value in new.items() if key in spec.pairs}
    for key, value in existing.items():
        if key not in old or not patcher.same(old[key], value):
            patcher.rewrite(spec, key, value)
    others = {key: old[key] for key in old if key not in existing}
    patcher.mapping(spec, others, {key: new[key] for key in new if key not in existing})
