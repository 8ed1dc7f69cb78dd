"""Converts single values of a file to numbers, truth values, texts and secrets, without quoting secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from yaml.constructor import SafeConstructor
from yaml.nodes import ScalarNode

from clusters.config.finding import Finding, error, warning
from clusters.config.secret import MASK, Secret
from clusters.config.yaml.slips import has_typographic_quotes
from clusters.config.yaml.tree import LONGEST_NUMBER, Node, Scalar, Sequence, excerpt

_CONSTRUCTOR = SafeConstructor()
_COMMENT = re.compile(r"[ \t]+#\S")
_INT = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?")
_TRUE, _FALSE = ("true", "yes", "on", "y"), ("false", "no", "off", "n")
_READ_AS = {"bool": "truth value", "int": "number", "float": "number", "timestamp": "date"}


@dataclass(slots=True)
class Walk:
    """The results of reading a text. `secrets` are unquoted secrets: the end of their text and their path.

    `quiet` is true below a section without effect, so that the warning occurs once; `strict` where KubeKey refuses a
    file because a value has another type in it: a number in place of a text, or a text in place of a number.
    """

    findings: list[Finding] = field(default_factory=list)
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)
    secrets: list[tuple[int, str]] = field(default_factory=list)
    quiet: bool = False
    strict: bool = False


def what(node: Node) -> str:
    """The type of a node as text."""
    if isinstance(node, Scalar):
        return "nothing" if node.tag == "null" else "a single value"
    return "a list" if isinstance(node, Sequence) else "keys with values"


def wrong(kind: str, path: str, expected: str, found: str, hint: str = "") -> Finding:
    """A value of the wrong type."""
    return error(f"type.{kind}", path, f"Expected {expected}, found {found}.", hint=hint, found=found, allowed=expected)


def _typographic(path: str) -> Finding:
    message = "The quotes are typographic ones, which YAML reads as part of the value."
    hint = "Use ' or \"; if they are part of the value, put it in such quotes."
    return error("yaml.typographic_quotes", path, message, hint=hint, found="typographic quotes")


def whole(walk: Walk, node: Scalar, path: str) -> int | None:
    """A whole number, quoted or bare."""
    if has_typographic_quotes(node):
        walk.findings.append(_typographic(path))
        return None
    if _INT.fullmatch(node.text.strip()):
        _warn_of_type(walk, node, path, ("int",), "a number without quotes")
        return int(node.text)
    hint = "Use digits without a leading zero."
    walk.findings.append(wrong("int", path, "a whole number", excerpt(node.text), hint))
    return None


def decimal(walk: Walk, node: Scalar, path: str) -> float | None:
    """A number with or without a fraction, quoted or bare."""
    if has_typographic_quotes(node):
        walk.findings.append(_typographic(path))
        return None
    if _FLOAT.fullmatch(node.text.strip()):
        _warn_of_type(walk, node, path, ("int", "float"), "a number without quotes")
        return float(node.text)
    walk.findings.append(wrong("float", path, "a number", excerpt(node.text), "Write it like 0.5."))
    return None


def truth(walk: Walk, node: Scalar, path: str) -> bool | None:
    """true or false, in every spelling of YAML 1.1, quoted or bare."""
    lower = node.text.lower()
    if lower in _TRUE + _FALSE:
        _warn_of_type(walk, node, path, ("bool",), "true or false without quotes")
        return lower in _TRUE
    walk.findings.append(wrong("bool", path, "true or false", excerpt(node.text)))
    return None


def text(walk: Walk, node: Scalar, path: str) -> str | None:
    """The text as written, whatever its type in YAML 1.1; warns if other programs would read another value."""
    if node.tag == "null":
        return ""
    if MASK in node.text:
        walk.findings.append(masked(path))
        return None
    if has_typographic_quotes(node):
        walk.findings.append(_typographic(path))
        return None
    if walk.strict and node.plain and node.tag in ("int", "float", "bool"):
        _warn_of_type(walk, node, path, ("str",), "a text; put the value in quotes")
    elif node.tag != "str" and node.plain and not _same_everywhere(node):
        walk.findings.append(
            warning(
                "yaml.quote",
                path,
                f"Without quotes, other programs read this text as a {_READ_AS.get(node.tag, 'special value')}.",
                hint="Put the value in quotes.",
            )
        )
    return node.text


def _warn_of_type(walk: Walk, node: Scalar, path: str, tags: tuple[str, ...], expected: str) -> None:
    """Warn where Slipway reads a value that KubeKey refuses together with its file."""
    if walk.strict and node.tag not in tags:
        found = _READ_AS.get(node.tag, "text")
        message = f"KubeKey refuses the file as it is: it reads a {found} here, and expects {expected}."
        hint = "Slipway reads it as intended, and exports write it correctly."
        walk.findings.append(warning("kubekey.type", path, message, hint=hint, found=f"a {found}"))


def of_one_line(node: Scalar) -> Scalar:
    """A one-line value without the line break that YAML adds at the end of a block."""
    if node.block and node.text.endswith("\n") and node.text.count("\n") == 1:
        return replace(node, text=node.text[:-1])
    return node


def _same_everywhere(node: Scalar) -> bool:
    """Whether a number has the same text after another program reads and writes it."""
    return node.tag == "int" and str(natural(node)) == node.text


def secret(walk: Walk, node: Scalar, path: str) -> Secret | None:
    """A secret, or None if it is masked."""
    if node.plain and node.text != MASK:
        walk.secrets.append((node.end, path))
    found = text(walk, node, path)
    return None if found is None else Secret(found)


def masked(path: str) -> Finding:
    """The finding about a masked secret."""
    return warning(
        "secret.masked",
        path,
        "The secret is missing: the file was exported with masked secrets.",
        hint="Type the secret, or export the file with secrets.",
    )


def natural(node: Scalar) -> Any:
    """A scalar as YAML 1.1 reads it; dates and overlong numbers stay text."""
    if node.tag == "null":
        return None
    if len(node.text) > LONGEST_NUMBER:
        return node.text
    scalar = ScalarNode(f"tag:yaml.org,2002:{node.tag}", node.text)
    try:
        if node.tag == "bool":
            return _CONSTRUCTOR.construct_yaml_bool(scalar)
        if node.tag == "int":
            return _CONSTRUCTOR.construct_yaml_int(scalar)
        if node.tag == "float":
            return _CONSTRUCTOR.construct_yaml_float(scalar)
    except (ValueError, KeyError):
        return node.text  # `!!int x`, 09: an invalid value stays text
    return node.text


def warn_of_comments(walk: Walk, source: str) -> None:
    """Warn of `password: one #two`, which ends before the #; otherwise only a failed login reveals it."""
    for end, path in walk.secrets:
        if _COMMENT.match(source, end):
            walk.findings.append(
                warning(
                    "secret.comment",
                    path,
                    "The value ends before the #, which starts a comment.",
                    hint="If the # is part of the value, put the value in quotes.",
                )
            )
