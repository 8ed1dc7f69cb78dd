"""Converts the tree into data for the models: types, unknown keys, positions, and stored keys without effect."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from clusters.config import schema
from clusters.config.finding import Finding, Severity, warning
from clusters.config.keys import OWN, Key, Model, keys_of
from clusters.config.paths import joined
from clusters.config.secret import MASK
from clusters.config.secrets.names import is_secret_key
from clusters.config.secrets.patterns import login_in_name
from clusters.config.suggestions import nearest
from clusters.config.yaml import slips
from clusters.config.yaml.scalars import (
    Walk,
    decimal,
    masked,
    natural,
    of_one_line,
    secret,
    text,
    truth,
    what,
    whole,
    wrong,
)
from clusters.config.yaml.tree import Mapping, Node, Scalar, Sequence, excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PATH_OF_PART = "---"


def model(walk: Walk, node: Node, model_class: type[Model], path: str) -> dict[str, Any]:
    """The keys of one section. Null means not set, a wrong type is a finding, an unknown key is stored unchanged."""
    if isinstance(node, Scalar) and node.tag == "null":
        return {}
    keys = keys_of(model_class)
    if not isinstance(node, Mapping):
        slip = slips.in_key(node, keys, path) if isinstance(node, Scalar) else None
        walk.findings.append(slip or wrong("mapping", path, "keys with values", what(node)))
        return {}
    data: dict[str, Any] = {}
    for name, (mark, value) in node.pairs.items():
        inner = joined(path, name)
        walk.positions[inner] = (mark.line, mark.column)
        key = keys.get(name)
        if key is not None and not _is_part(model_class, name):
            if not (type(value) is Scalar and value.tag == "null"):
                found = _known(walk, value, key, inner)
                if found is not None:
                    data[name] = found
        elif isinstance(value, Scalar) and value.tag == "null" and (slip := slips.in_key(mark, keys, path)):
            walk.findings.append(slip)
        elif isinstance(value, Scalar) and value.tag == "null" and model_class is schema.Host:
            walk.findings.append(_cut(path, mark))
        else:
            _unknown_key(walk, data, name, value, model_class, path)
    return data


def _is_part(model_class: type[Model], name: str) -> bool:
    """Whether a model key is not a key of the section: the cluster's name, the file's other documents."""
    return model_class is schema.Document and (name == "name" or name.startswith(_PATH_OF_PART))


def _known(walk: Walk, node: Node, key: Key, path: str) -> Any:
    strict = walk.strict
    walk.strict = strict and key.since < OWN
    found = _read_known(walk, node, key, path)
    walk.strict = strict
    return found


def _read_known(walk: Walk, node: Node, key: Key, path: str) -> Any:
    if walk.quiet or key.acted:
        return _READERS[key.kind](walk, node, key, path)
    walk.quiet = True
    found = _READERS[key.kind](walk, node, key, path)
    walk.quiet = False
    if found is not None and not _is_without_request(found, key):
        message = f"Slipway stores {path.removeprefix('spec.')} in the file, but it has no effect yet."
        walk.findings.append(warning("key.not_acted_on", path, message, hint=key.instead))
    return found


def _is_without_request(value: Any, key: Key | None) -> bool:
    """Whether a value requests nothing: the default, or nothing where that is the default, also in nested values."""
    if isinstance(value, dict):
        inside = keys_of(key.inner) if key is not None and key.inner is not None and key.kind == "model" else {}
        return all(_is_without_request(inner, inside.get(name)) for name, inner in value.items())
    if key is None:
        return not value
    # KubeKey treats an empty value as not set; a switch is off, which may differ from its default.
    return value == key.default or value in ("", [], {}, key.kubekey_default)


def _unknown_key(walk: Walk, data: dict[str, Any], name: str, value: Node, model_class: type[Model], path: str) -> None:
    inner = joined(path, name)
    is_defined = name in model_class.model_fields or name in keys_of(model_class)
    if path != "spec.roleGroups" or is_defined:  # custom groups are allowed
        known = [key for key in keys_of(model_class) if not _is_part(model_class, key)]
        walk.findings.append(unknown(name, path, known, is_stored=not is_defined, elsewhere=_places().get(name, "")))
    if not is_defined:
        _note_mask(walk, name, path)
        data[name] = plain(walk, value, inner)


@cache
def _places() -> dict[str, str]:
    """Key of the document -> its path, for keys of only one section; those of list entries are left out."""
    found: dict[str, list[str]] = {}
    sections: list[tuple[str, type[Model]]] = [("", schema.Document)]
    for path, model_class in sections:
        for key in keys_of(model_class).values():
            if not key.name.startswith(_PATH_OF_PART):
                found.setdefault(key.name, []).append(f"{path}{key.name}")
                sections += [(f"{path}{key.name}.", key.inner)] if key.kind == "model" and key.inner else []
    return {name: places[0] for name, places in found.items() if len(places) == 1 and "." in places[0]}


def _note_mask(walk: Walk, name: str, path: str) -> None:
    """Report a login in a key that was exported with a mask."""
    if MASK in name and login_in_name(name):
        walk.findings.append(masked(joined(path, name)))


def unknown(key: str, path: str, allowed: Iterable[str], *, is_stored: bool, elsewhere: str = "") -> Finding:
    """The finding about an unknown key, with the most similar known one, or its path in another section."""
    names = sorted(allowed)
    spelled = {name.lower(): name for name in reversed(names)}
    meant = elsewhere or spelled.get(nearest(key.lower().replace("_", ""), spelled, 0.7), "")
    fate = "it is stored but has no effect" if is_stored else "it is not stored"
    listed = ", ".join(names)
    hint = f"Did you mean {meant}?" if meant else f"Known keys: {listed}."
    if key in keys_of(schema.Document) and path.startswith("spec.") and not _is_part(schema.Document, key):
        hint = f"Is its indentation wrong? It belongs directly below spec, like {path.split('.')[1]}."
    elif key in keys_of(schema.Document) and not path and not _is_part(schema.Document, key):
        hint = "Is its indentation wrong? It belongs below spec."
    inner = joined(path, key)
    message = f"The key {excerpt(key)} is unknown; {fate}."
    return warning("key.unknown", inner, message, hint=hint, found=excerpt(key), allowed=listed)


def _cut(path: str, mark: Scalar) -> Finding:
    """`{password: one,two}` has a key `two`: a part of a secret, which the message must not repeat."""
    return Finding(
        "key.no_value",
        Severity.ERROR,
        "This host's row contains a key without a value.",
        "Is it part of a value that contains a comma? Put that value in quotes.",
        path,
        mark.line,
        mark.column,
    )


def _single(kind: str, expected: str, read: Callable[[Walk, Scalar, str], Any]) -> Callable[..., Any]:
    def reader(walk: Walk, node: Node, key: Key, path: str) -> Any:
        if type(node) is Scalar:
            return read(walk, node if key.lines else of_one_line(node), path)
        walk.findings.append(wrong(kind, path, expected, what(node)))
        return None

    return reader


def _model(walk: Walk, node: Node, key: Key, path: str) -> Any:
    return model(walk, node, _class_of(key), path)


def _class_of(key: Key) -> type[Model]:
    return key.inner or Model


def _models(walk: Walk, node: Node, key: Key, path: str) -> list[dict[str, Any]]:
    if not isinstance(node, Sequence):
        expected = "a list of machines" if key.inner is schema.Host else "a list"
        walk.findings.append(wrong("list", path, expected, what(node)))
        return []
    rows = []
    for index, item in enumerate(node.items):
        inner = f"{path}.{index}"
        walk.positions[inner] = (item.line, item.column)
        if isinstance(item, Mapping):
            rows.append(model(walk, item, _class_of(key), inner))
            continue
        like = "a row like {name: node1, address: 10.1.2.3}" if key.inner is schema.Host else "keys with values"
        walk.findings.append(wrong("mapping", inner, like, what(item)))
    return rows


def _table(walk: Walk, node: Node, key: Key, path: str) -> dict[str, Any]:
    if not isinstance(node, Mapping):
        walk.findings.append(wrong("mapping", path, "keys with values", what(node)))
        return {}
    found = {}
    for name, (mark, value) in node.pairs.items():
        walk.positions[joined(path, name)] = (mark.line, mark.column)
        _note_mask(walk, name, path)
        found[name] = model(walk, value, _class_of(key), joined(path, name))
    return found


def _names(walk: Walk, node: Node, key: Key, path: str) -> list[str]:
    if not isinstance(node, Sequence):
        walk.findings.append(wrong("list", path, "a list", what(node)))
        return []
    return list(_texts(walk, node, key, path))


def _texts(walk: Walk, node: Sequence, key: Key, path: str) -> Iterable[str]:
    for index, item in enumerate(node.items):
        inner = f"{path}.{index}"
        walk.positions[inner] = (item.line, item.column)
        if isinstance(item, Scalar):
            found = text(walk, item if key.lines else of_one_line(item), inner)
            if found is not None:
                yield found
            continue
        hint = "Write a range without spaces: node[1:3]." if path.startswith("spec.roleGroups") else ""
        walk.findings.append(wrong("text", inner, "text", what(item), hint))


def _values(walk: Walk, node: Node, key: Key, path: str) -> Any:
    if isinstance(node, Scalar):
        return text(walk, node if key.lines else of_one_line(node), path)
    return _names(walk, node, key, path)


def _secret(walk: Walk, node: Node, key: Key, path: str) -> Any:
    if isinstance(node, Scalar) and not key.lines and of_one_line(node) is not node and MASK not in node.text:
        walk.findings.append(
            warning(
                "secret.line_break",
                path,
                "Slipway drops the line break at the end of this block; KubeKey treats it as part of the secret.",
                hint="Write the secret in quotes on the line of its key, or use |- instead of |.",
            )
        )
    return _single("text", "text", secret)(walk, node, key, path)


def _mapping_of(
    kind: str, expected: str, read: Callable[[Walk, Scalar, str], Any]
) -> Callable[[Walk, Node, Key, str], dict[str, Any]]:
    def reader(walk: Walk, node: Node, key: Key, path: str) -> dict[str, Any]:
        if not isinstance(node, Mapping):
            walk.findings.append(wrong("mapping", path, "keys with values", what(node)))
            return {}
        found = {}
        for name, (mark, value) in node.pairs.items():
            inner = joined(path, name)
            walk.positions[inner] = (mark.line, mark.column)
            _note_mask(walk, name, path)
            if not isinstance(value, Scalar):
                walk.findings.append(wrong(kind, inner, expected, what(value)))
                continue
            one = read(walk, value if key.lines else of_one_line(value), inner)
            if one is not None:
                found[name] = one
        return found

    return reader


def _raw(walk: Walk, node: Node, key: Key, path: str) -> Any:
    if isinstance(node, Mapping):
        return plain(walk, node, path)
    walk.findings.append(wrong("mapping", path, "keys with values", what(node)))
    return None


_READERS: dict[str, Callable[[Walk, Node, Key, str], Any]] = {
    "model": _model,
    "models": _models,
    "table": _table,
    "names": _names,
    "values": _values,
    "labels": _mapping_of("text", "text", text),
    "flags": _mapping_of("bool", "true or false", truth),
    "raw": _raw,
    "int": _single("int", "a whole number", whole),
    "float": _single("float", "a number", decimal),
    "bool": _single("bool", "true or false", truth),
    "text": _single("text", "text", text),
    "secret": _secret,
}


def plain(walk: Walk, node: Node, path: str) -> Any:
    """The value of a key that Slipway does not model, as in YAML 1.1; dates stay text, masked secrets are left out."""
    if isinstance(node, Scalar):
        if MASK in node.text:
            walk.findings.append(masked(path))
            return None if node.text == MASK else node.text
        return natural(node)
    if isinstance(node, Sequence):
        items = []
        for index, item in enumerate(node.items):
            walk.positions[f"{path}.{index}"] = (item.line, item.column)
            found_item = plain(walk, item, f"{path}.{index}")
            # Left out, like a masked key: an empty entry would be one that the user did not write.
            if not (isinstance(item, Scalar) and item.text == MASK):
                items.append(found_item)
        return items
    found = {}
    for key, (mark, value) in node.pairs.items():
        inner = joined(path, key)
        walk.positions[inner] = (mark.line, mark.column)
        _note_mask(walk, key, path)
        if isinstance(value, Scalar) and value.text == MASK:
            walk.findings.append(masked(inner))
            continue
        if isinstance(value, Scalar) and value.plain and value.tag != "null" and is_secret_key(key):
            walk.secrets.append((value.end, inner))
        found[key] = plain(walk, value, inner)
    return found
