"""Reads YAML from any source (machines, charts, bundles, lists) as plain values, within size limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clusters.config.yaml.scalars import natural
from clusters.config.yaml.tree import Limits, Node, Refused, Scalar, Sequence, compose, refuse

if TYPE_CHECKING:
    from clusters.config.finding import Finding

FOREIGN = Limits(characters=8_000_000, depth=100, values=1_000_000, aliases=20_000, repeats=True)
"""For texts from outside. The largest manifests of network plugins have 2 MB and about 30 levels."""


def read_values(text: str | bytes, where: str, limits: Limits = FOREIGN) -> list[Any]:
    """The documents of a YAML stream that are not empty, as plain values; keys are always text, dates stay text.

    `where` is the source in messages, like `/etc/file on node1`; empty if the text is shown. Raises Refused.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
        return [_value(node, {}) for node in compose(decoded, limits)]
    except UnicodeDecodeError as error:
        message = f"{where or 'This'} is not UTF-8 text: byte {error.start + 1} cannot be read."
        raise refuse("yaml.encoding", message, hint="Is it the right file?") from None
    except Refused as refused:
        raise Refused(_placed(refused.finding, where)) from None


def read_value(text: str | bytes, where: str, limits: Limits = FOREIGN) -> Any:
    """The one document of a YAML text, None when it is empty. Raises Refused, also when there are several."""
    found = read_values(text, where, limits)
    if len(found) > 1:
        message = f"Expected one YAML document{f' in {where}' if where else ''}, found {len(found)}."
        raise refuse("yaml.documents", message, hint="Is it the right file?")
    return found[0] if found else None


def _placed(finding: Finding, where: str) -> Finding:
    """The finding with source and line in the message, for users who do not see the text."""
    if not where:
        return finding
    place = f"{where}, line {finding.line}" if finding.line else where
    return replace(finding, message=f"{place}: {finding.message}")


def _value(node: Node, made: dict[int, Any]) -> Any:
    """A part of the tree as a value; aliases of the same part share one value."""
    if isinstance(node, Scalar):
        return node.text if node.tag == "str" else natural(node)
    if id(node) not in made:
        if isinstance(node, Sequence):
            made[id(node)] = [_value(item, made) for item in node.items]
        else:
            made[id(node)] = {key: _value(value, made) for key, (_, value) in node.pairs.items()}
    return made[id(node)]
