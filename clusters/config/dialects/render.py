"""Writes the document as a file in each of KubeKey's dialects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from clusters.config.dialects import shape
from clusters.config.dialects.fit import what_does_not_fit
from clusters.config.dialects.v4 import write
from clusters.config.yaml import emit
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document, Host, JumpHost

__all__ = ["DIALECTS", "Dialect", "Secrets", "documents", "files", "render", "what_does_not_fit"]

Dialect = Literal["v1alpha1", "v1alpha2", "v4"]
Secrets = Literal["mask", "show", "omit"]
DIALECTS = ("v1alpha1", "v1alpha2", "v4")

_USE = {
    "v1alpha1": "KubeKey's v1alpha1 dialect: kk create cluster -f <this file>",
    "v1alpha2": "KubeKey's v1alpha2 dialect: kk create cluster -f <this file>",
    "v4": "KubeKey 4: the first document is its Inventory, the second its Config.",
}


def render(document: Document, *, dialect: str = "v1alpha2", secrets: str = "mask") -> str:
    """The whole file. `secrets`: `mask` writes dots that `load` recognizes, `omit` nothing, `show` the secret.

    Raises ConfigError for an unknown dialect or an unknown value of `secrets`.
    """
    return "\n".join(_lines(document, dialect, secrets)) + "\n"


def files(document: Document, *, dialect: str = "v1alpha2", secrets: str = "mask") -> dict[str, str]:
    """Name -> text: `config-sample.yaml`, or KubeKey 4's `inventory.yaml` and `config.yaml`. Raises ConfigError."""
    text = render(document, dialect=dialect, secrets=secrets)
    if dialect != "v4":
        return {"config-sample.yaml": text}
    inventory, config = text.split("\n---\n", 1)
    return {"inventory.yaml": f"{inventory}\n", "config.yaml": config}


def documents(document: Document, dialect: str, secrets: str) -> list[dict[str, Any]]:
    """The file's YAML documents as plain data. Raises ConfigError."""
    if dialect not in DIALECTS or secrets not in ("mask", "show", "omit"):
        raise ConfigError(
            f"Cannot write dialect {dialect!r} with secrets {secrets!r}.",
            hint=f"Dialects are {', '.join(DIALECTS)}; secrets are mask, show or omit.",
        )
    if dialect == "v4":
        return write.documents(document, secrets)
    return shape.documents(document, dialect, secrets)


def _lines(document: Document, dialect: str, secrets: str) -> Iterator[str]:
    found = documents(document, dialect, secrets)
    yield f"# {_USE[dialect]}"
    logins: list[Host | JumpHost] = [*document.hosts, document.jump_host, *(host.jump_host for host in document.hosts)]
    if secrets != "show" and any(each.password or each.private_key for each in logins):
        yield "# Passwords and private keys are not in this file; add them before you use it with KubeKey."
    for number, each in enumerate(found):
        if number:
            yield "---"
        yield from emit.block(each)
