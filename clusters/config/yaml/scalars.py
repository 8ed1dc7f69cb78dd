"""Single values of a file -> numbers, truth values, texts and secrets. The text of a secret is never repeated."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from yaml.constructor import SafeConstructor
from yaml.nodes import ScalarNode

from clusters.config.finding import Finding, error, warning
from clusters.config.secret import MASK, Secret
from clusters.config.yaml.tree import LONGEST_NUMBER, Node, Scalar, Sequence, shown

_CONSTRUCTOR = SafeConstructor()
_COMMENT = re.compile(r"[ \t]+#\S")
_INT = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?")
_TRUE, _FALSE = ("true", "yes", "on", "y"), ("false", "no", "off", "n")
_READ_AS = {"bool": "truth value", "int": "number", "float": "number", "timestamp": "date"}


@dataclass(slots=True)
class Walk:
    """What one reading gathers. `secrets` are unquoted secrets: the end of their text and their path.

    `quiet` is true below a section that is not acted on as a whole, so that it is said once.
    """

    findings: list[Finding] = field(default_factory=list)
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)
    secrets: list[tuple[int, str]] = field(default_factory=list)
    quiet: bool = False


def what(node: Node) -> str:
    """The kind of a node in words."""
    if isinstance(node, Scalar):
        return "nothing" if node.tag == "null" else "a single value"
    return "a list" if isinstance(node, Sequence) else "keys with values"


def wrong(kind: str, path: str, expected: str, found: str, hint: str = "") -> Finding:
    """A value of the wrong type."""
    return error(f"type.{kind}", path, f"Expected {expected}, found {found}.", hint=hint, found=found, allowed=expected)


def whole(walk: Walk, node: Scalar, path: str) -> int | None:
    """A whole number, quoted or bare."""
    if _INT.fullmatch(node.text.strip()):
        return int(node.text)
    hint = "Digits only, no leading zero."
    walk.findings.append(wrong("int", path, "a whole number", shown(node.text), hint))
    return None


def decimal(walk: Walk, node: Scalar, path: str) -> float | None:
    """A number with or without a fraction, quoted or bare."""
    if _FLOAT.fullmatch(node.text.strip()):
        return float(node.text)
    walk.findings.append(wrong("float", path, "a number", shown(node.text), "Like 0.5."))
    return None


def truth(walk: Walk, node: Scalar, path: str) -> bool | None:
    """true or false, in every spelling of YAML 1.1, quoted or bare."""
    lower = node.text.lower()
    if lower in _TRUE + _FALSE:
        return lower in _TRUE
    walk.findings.append(wrong("bool", path, "true or false", shown(node.text)))
    return None


def text(walk: Walk, node: Scalar, path: str) -> str | None:
    """A text as it was written, whatever YAML 1.1 takes it for; said when other programs would read something else."""
    if node.tag == "null":
        return ""
    if MASK in node.text:
        walk.findings.append(masked(path))
        return None
    if node.tag != "str" and node.plain and not _same_everywhere(node):
        walk.findings.append(
            warning(
                "yaml.quote",
                path,
                f"Without quotes other programs read this text as a {_READ_AS.get(node.tag, 'special value')}.",
                hint="Put the value in quotes.",
            )
        )
    return node.text


def of_one_line(node: Scalar) -> Scalar:
    """A value of one line without the line break that YAML puts at the end of a block; it is not meant to be in it."""
    if node.block and node.text.endswith("\n") and node.text.count("\n") == 1:
        return replace(node, text=node.text[:-1])
    return node


def _same_everywhere(node: Scalar) -> bool:
    """Whether a number comes back as the same text after another program has read and written it."""
    return node.tag == "int" and str(natural(node)) == node.text


def secret(walk: Walk, node: Scalar, path: str) -> Secret | None:
    """A secret; a masked one is none."""
    if node.plain and node.text != MASK:
        walk.secrets.append((node.end, path))
    found = text(walk, node, path)
    return None if found is None else Secret(found)


def masked(path: str) -> Finding:
    """The file was exported without secrets."""
    return warning(
        "secret.masked",
        path,
        "The secret is missing: the file was exported with its secrets masked.",
        hint="Type it in again, or export the file with secrets.",
    )


def natural(node: Scalar) -> Any:
    """A scalar as YAML 1.1 reads it; dates stay text, and so does what is too long for a number."""
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
