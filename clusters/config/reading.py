"""Tree -> data for the models: types, unknown keys, masked secrets, places. The text of a secret is never repeated."""

from __future__ import annotations

import re
import typing
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from yaml.constructor import SafeConstructor
from yaml.nodes import ScalarNode

from clusters.config import schema
from clusters.config.finding import Finding, Severity, error, warning
from clusters.config.knownkeys import KEPT
from clusters.config.secret import MASK, Secret
from clusters.config.secretkeys import is_secret_key
from clusters.config.yamltree import Mapping, Node, Scalar, Sequence, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_CONSTRUCTOR = SafeConstructor()
_COMMENT = re.compile(r"[ \t]+#\S")
_TRUE, _FALSE = ("true", "yes", "on", "y"), ("false", "no", "off", "n")


@dataclass(slots=True)
class Walk:
    """What one reading gathers. `secrets` are unquoted secrets: the end of their text and their path."""

    findings: list[Finding] = field(default_factory=list)
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)
    secrets: list[tuple[int, str]] = field(default_factory=list)


@cache
def fields_of(model_class: type[schema.Model]) -> dict[str, tuple[str, Any]]:
    """Key in the file -> the kind of value (model, hosts, int, bool, text, names, labels, secret) and its class."""
    hints = typing.get_type_hints(model_class)
    found: dict[str, tuple[str, Any]] = {}
    for name, each in model_class.model_fields.items():
        hint = hints[name]
        kind, inner = "text", None
        if isinstance(hint, type) and issubclass(hint, schema.Model):
            kind, inner = "model", hint
        elif hint in (int, bool):
            kind = hint.__name__
        elif Secret in typing.get_args(hint):
            kind = "secret"
        elif typing.get_origin(hint) is dict:
            kind = "labels"
        elif typing.get_origin(hint) is tuple:
            first = typing.get_args(hint)[0]
            kind = "hosts" if first is schema.Host else "names"
        found[each.alias or name] = (kind, inner)
    if model_class is schema.Document:
        del found["name"], found["---kubesphere"]
    return found


def what(node: Node) -> str:
    """The kind of a node in words."""
    if isinstance(node, Scalar):
        return "nothing" if node.tag == "null" else "a single value"
    return "a list" if isinstance(node, Sequence) else "keys with values"


def model(walk: Walk, node: Node, model_class: type[schema.Model], path: str) -> dict[str, Any]:
    """The keys of one section. Null means not given, a wrong type is a finding, an unknown key is kept as it is."""
    if isinstance(node, Scalar) and node.tag == "null":
        return {}
    if not isinstance(node, Mapping):
        walk.findings.append(_wrong("mapping", path, "keys with values", what(node)))
        return {}
    fields = fields_of(model_class)
    data: dict[str, Any] = {}
    for key, (mark, value) in node.pairs.items():
        inner = f"{path}.{key}"
        walk.positions[inner] = (mark.line, mark.column)
        if key in fields:
            known = (
                None if isinstance(value, Scalar) and value.tag == "null" else _known(walk, value, *fields[key], inner)
            )
            if known is not None:
                data[key] = known
        elif isinstance(value, Scalar) and value.tag == "null" and model_class is schema.Host:
            walk.findings.append(_cut(path, mark))
        else:
            _unknown_key(walk, data, key, value, model_class, path)
    return data


def _unknown_key(
    walk: Walk, data: dict[str, Any], key: str, value: Node, model_class: type[schema.Model], path: str
) -> None:
    inner = f"{path}.{key}"
    taken = key in model_class.model_fields or key == "---kubesphere"
    if path == "spec.roleGroups" and not taken:
        data[key] = plain(walk, value, inner)  # any group may be named; only some mean something
        return
    if key in KEPT.get(path, ()):
        if key == "addons" and (value.nodes == 1):
            return
        walk.findings.append(
            warning("key.not_acted_on", inner, f"Slipway keeps {key} in the file, but does not act on it yet.")
        )
    else:
        walk.findings.append(unknown(key, path, tuple(fields_of(model_class)), kept=not taken))
    if not taken:
        data[key] = plain(walk, value, inner)


def unknown(key: str, path: str, allowed: Iterable[str], *, kept: bool) -> Finding:
    """A key nobody knows, with the one that was probably meant."""
    names = sorted(allowed)
    close = get_close_matches(key.lower().replace("_", ""), [name.lower() for name in names], 1, 0.7)
    meant = next((name for name in names if close and name.lower() == close[0]), "")
    fate = "it is kept, but means nothing" if kept else "it is not kept"
    hint = f"Did you mean {meant}?" if meant else f"Known here: {', '.join(names)}."
    inner = f"{path}.{key}" if path else key
    return warning("key.unknown", inner, f"The key {shown(key)} is not known; {fate}.", hint=hint)


def _cut(path: str, mark: Scalar) -> Finding:
    """`{password: one,two}` has a key `two`: a piece of a secret that must not be repeated."""
    return Finding(
        "key.no_value",
        Severity.ERROR,
        "There is a key without a value in this host's row.",
        "Is it the rest of a value with a comma in it? Put that value in quotes.",
        path,
        mark.line,
        mark.column,
    )


def _known(walk: Walk, node: Node, kind: str, inner_class: Any, path: str) -> Any:
    if kind == "model":
        return model(walk, node, inner_class, path)
    if kind == "hosts":
        return _hosts(walk, node, path)
    if kind == "names":
        return _names(walk, node, path)
    if kind == "labels":
        return _labels(walk, node, path)
    if not isinstance(node, Scalar):
        walk.findings.append(_wrong(kind if kind != "secret" else "text", path, _EXPECTED[kind], what(node)))
        return None
    if kind == "int":
        return _int(walk, node, path)
    if kind == "bool":
        return _bool(walk, node, path)
    return _secret(walk, node, path) if kind == "secret" else text(walk, node, path)


_EXPECTED = {"int": "a whole number", "bool": "true or false", "text": "text", "secret": "text"}


def _wrong(kind: str, path: str, expected: str, found: str) -> Finding:
    return error(f"type.{kind}", path, f"Expected {expected}, found {found}.")


def _int(walk: Walk, node: Scalar, path: str) -> int | None:
    if re.fullmatch(r"[+-]?(0|[1-9][0-9]{0,17})", node.text.strip()):
        return int(node.text)
    found = shown(node.text)
    walk.findings.append(
        error("type.int", path, f"Expected a whole number, found {found}.", hint="Digits only, no leading zero.")
    )
    return None


def _bool(walk: Walk, node: Scalar, path: str) -> bool | None:
    lower = node.text.lower()
    if lower in _TRUE + _FALSE:
        return lower in _TRUE
    walk.findings.append(_wrong("bool", path, "true or false", shown(node.text)))
    return None


def text(walk: Walk, node: Scalar, path: str) -> str:
    """A text as it was written, whatever YAML 1.1 takes it for; said when other programs would read something else."""
    if node.tag == "null":
        return ""
    if node.plain and node.tag != "str" and not _same_everywhere(node):
        walk.findings.append(
            warning(
                "yaml.quote",
                path,
                f"Without quotes other programs read this text as a {_READ_AS.get(node.tag, 'special value')}.",
                hint="Put the value in quotes.",
            )
        )
    return node.text


_READ_AS = {"bool": "truth value", "int": "number", "float": "number", "timestamp": "date"}


def _same_everywhere(node: Scalar) -> bool:
    """Whether a number comes back as the same text after another program has read and written it."""
    return node.tag == "int" and str(natural(node)) == node.text


def _secret(walk: Walk, node: Scalar, path: str) -> Secret | None:
    if node.text == MASK:
        walk.findings.append(_masked(path))
        return None
    if node.plain:
        walk.secrets.append((node.end, path))
    return Secret(text(walk, node, path))


def _masked(path: str) -> Finding:
    return warning(
        "secret.masked",
        path,
        "The secret is missing: the file was exported with its secrets masked.",
        hint="Type it in again, or export the file with secrets.",
    )


def _hosts(walk: Walk, node: Node, path: str) -> list[dict[str, Any]]:
    if not isinstance(node, Sequence):
        walk.findings.append(_wrong("list", path, "a list of machines", what(node)))
        return []
    rows = []
    for index, item in enumerate(node.items):
        inner = f"{path}.{index}"
        walk.positions[inner] = (item.line, item.column)
        if not isinstance(item, Mapping):
            walk.findings.append(_wrong("mapping", inner, "a row like {name: node1, address: 10.1.2.3}", what(item)))
            continue
        rows.append(model(walk, item, schema.Host, inner))
    return rows


def _names(walk: Walk, node: Node, path: str) -> list[str]:
    if not isinstance(node, Sequence):
        walk.findings.append(_wrong("list", path, "a list", what(node)))
        return []
    found = []
    for index, item in enumerate(node.items):
        inner = f"{path}.{index}"
        walk.positions[inner] = (item.line, item.column)
        if isinstance(item, Scalar):
            found.append(text(walk, item, inner))
            continue
        hint = "A range is one word without blanks: node[1:3]." if path.startswith("spec.roleGroups") else ""
        walk.findings.append(error("type.text", inner, f"Expected text, found {what(item)}.", hint=hint))
    return found


def _labels(walk: Walk, node: Node, path: str) -> dict[str, str]:
    if not isinstance(node, Mapping):
        walk.findings.append(_wrong("mapping", path, "keys with values", what(node)))
        return {}
    found = {}
    for key, (mark, value) in node.pairs.items():
        inner = f"{path}.{key}"
        walk.positions[inner] = (mark.line, mark.column)
        if isinstance(value, Scalar):
            found[key] = text(walk, value, inner)
        else:
            walk.findings.append(_wrong("text", inner, "text", what(value)))
    return found


def plain(walk: Walk, node: Node, path: str) -> Any:
    """The value of a key Slipway does not model, as YAML 1.1 reads it; dates stay text, masked secrets are left out."""
    if isinstance(node, Scalar):
        return natural(node)
    if isinstance(node, Sequence):
        items = []
        for index, item in enumerate(node.items):
            walk.positions[f"{path}.{index}"] = (item.line, item.column)
            items.append(plain(walk, item, f"{path}.{index}"))
        return items
    found = {}
    for key, (mark, value) in node.pairs.items():
        inner = f"{path}.{key}"
        walk.positions[inner] = (mark.line, mark.column)
        if isinstance(value, Scalar) and value.text == MASK:
            walk.findings.append(_masked(inner))
            continue
        if isinstance(value, Scalar) and value.plain and value.tag != "null" and is_secret_key(key):
            walk.secrets.append((value.end, inner))
        found[key] = plain(walk, value, inner)
    return found


def natural(node: Scalar) -> Any:
    """A scalar as YAML 1.1 reads it."""
    if node.tag == "null":
        return None
    scalar = ScalarNode(f"tag:yaml.org,2002:{node.tag}", node.text)
    try:
        if node.tag == "bool":
            return _CONSTRUCTOR.construct_yaml_bool(scalar)
        if node.tag == "int":
            return _CONSTRUCTOR.construct_yaml_int(scalar)
        if node.tag == "float":
            return _CONSTRUCTOR.construct_yaml_float(scalar)
    except (ValueError, KeyError):
        return node.text  # `!!int x`, 09: what is not such a value stays text
    return node.text


def warn_of_comments(walk: Walk, source: str) -> None:
    """`password: one #two` ends before the #; nobody notices until the login fails."""
    for end, path in walk.secrets:
        if _COMMENT.match(source, end):
            walk.findings.append(
                warning(
                    "secret.comment",
                    path,
                    "The value ends before the #, which starts a comment.",
                    hint="If the # belongs to it, put the value in quotes.",
                )
            )
