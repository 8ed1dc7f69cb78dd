"""Differences between two documents, for a user who must choose; secrets stay hidden."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from clusters.config.paths import joined
from clusters.config.secret import MASK, Secret
from clusters.config.secrets.finder import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document, Host


@dataclass(frozen=True, slots=True)
class Difference:
    """One value: the stored one, and the one that the user typed."""

    path: str
    theirs: str = field(repr=False)
    mine: str = field(repr=False)


def nothing() -> str:
    """What is shown of a value that is not there."""
    return _("(nothing)")


def differences(theirs: Document, mine: Document) -> list[Difference]:
    """Every value that differs, in the document's order; machines are matched by name."""
    left, right = dict(_leaves(theirs)), dict(_leaves(mine))
    paths = [*left, *(path for path in right if path not in left)]
    found = [path for path in paths if left.get(path) != right.get(path)]
    if not found:
        return []
    # The comparison above used the real values, because two masked secrets look the same.
    left, right = _as_shown(theirs), _as_shown(mine)
    return [_difference(left.get(path), right.get(path)) for path in found]


def _as_shown(document: Document) -> dict[str, tuple[str, Any]]:
    """Path -> the path and the value as they are shown: a key may contain a login."""
    pairs = zip(_leaves(document), _leaves(_hidden(document)), strict=True)
    return {path: leaf for (path, _value), leaf in pairs}


def _difference(theirs: tuple[str, Any] | None, mine: tuple[str, Any] | None) -> Difference:
    path = (theirs or mine or ("", None))[0]
    return Difference(path, _value_text(theirs and theirs[1]), _value_text(mine and mine[1]))


def _hidden(document: Document) -> Document:
    hidden: Document = replaced(document, lambda _: MASK)
    return hidden


def _leaves(document: Document) -> Iterator[tuple[str, Any]]:
    for place, host in enumerate(document.hosts):
        yield from _walk(joined("hosts", host.name or place + 1), host.model_dump(by_alias=True) | _login(host))
    yield from _walk("", document.model_dump(by_alias=True, exclude={"hosts"}) | _jump(document))


def _login(host: Host) -> dict[str, Any]:
    """Values that a dump masks; masked, two different secrets look the same."""
    return {"password": host.password, "privateKey": host.private_key, **_jump(host)}


def _jump(part: Document | Host) -> dict[str, Any]:
    jump = part.jump_host
    secrets = {"password": jump.password, "privateKey": jump.private_key}
    return {"jumpHost": jump.model_dump(by_alias=True) | secrets}


def _walk(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _walk(joined(path, key), below)
    elif isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        yield path, ", ".join(value)
    elif isinstance(value, list | tuple):
        for place, below in enumerate(value):
            yield from _walk(f"{path}.{place}", below)
    else:
        yield path, value


def _value_text(value: Any) -> str:
    if isinstance(value, Secret) or value == MASK:
        return _("(a secret)")
    return nothing() if value in (None, "") else str(value)
