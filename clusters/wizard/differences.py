"""Differences: in which values two documents are not the same, for a person who has to choose; secrets stay hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from clusters.config.secret import Secret
from clusters.config.secret_finder import hidden_text
from clusters.config.secret_names import is_secret_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document, Host

MOST = 50
"""More lines than this are not read by anybody; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value: what is stored now, and what was typed here."""

    path: str
    theirs: str
    mine: str


def differences(theirs: Document, mine: Document) -> list[Difference]:
    """Every value that is not the same in both, in the document's order; machines are told apart by their names."""
    left, right = dict(_leaves(theirs)), dict(_leaves(mine))
    paths = [*left, *(path for path in right if path not in left)]
    found = [path for path in paths if left.get(path) != right.get(path)]
    return [Difference(path, _said(path, left.get(path)), _said(path, right.get(path))) for path in found[:MOST]]


def _leaves(document: Document) -> Iterator[tuple[str, Any]]:
    for place, host in enumerate(document.hosts):
        yield from _walk(f"hosts.{host.name or place + 1}", host.model_dump(by_alias=True) | _login(host))
    yield from _walk("", document.model_dump(by_alias=True, exclude={"hosts"}) | _jump(document))


def _login(host: Host) -> dict[str, Any]:
    """What a dump would mask: two secrets that differ would look the same."""
    return {"password": host.password, "privateKey": host.private_key, **_jump(host)}


def _jump(part: Document | Host) -> dict[str, Any]:
    jump = part.jump_host
    secrets = {"password": jump.password, "privateKey": jump.private_key}
    return {"jumpHost": jump.model_dump(by_alias=True) | secrets}


def _walk(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _walk(f"{path}.{key}" if path else str(key), below)
    elif isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        yield path, ", ".join(value)
    elif isinstance(value, list | tuple):
        for place, below in enumerate(value):
            yield from _walk(f"{path}.{place}", below)
    else:
        yield path, value


def _said(path: str, value: Any) -> str:
    if value in (None, ""):
        return _("(nothing)")
    if isinstance(value, Secret) or any(map(is_secret_key, path.split("."))):
        return _("(a secret)")
    return hidden_text(str(value), in_shell=path.endswith(".bash"))
