"""Rules on the registry section: where images come from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.config.finding import error
from clusters.config.rules.registry import rule
from clusters.config.yamltree import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_REGISTRY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?(/[a-z0-9._/-]+)?")
_URL = re.compile(r"https?://[^\s/:@]+(:\d{1,5})?(/\S*)?")


@rule
def registries(document: Document) -> Iterator[Finding]:
    """Registries are written host[:port], mirrors as URLs."""
    section = document.registry
    named = [("spec.registry.privateRegistry", section.private_registry)] if section.private_registry else []
    named += [(f"spec.registry.insecureRegistries.{i}", text) for i, text in enumerate(section.insecure_registries)]
    for path, text in named:
        if "://" in text:
            hint = "Leave out http:// or https://."
            yield error("registry.scheme", path, "A registry is a host name with an optional port.", hint=hint)
        elif not _REGISTRY.fullmatch(text):
            yield error("registry.syntax", path, f"{shown(text)} is no registry.", hint="Write it like host:5000.")
    for index, text in enumerate(section.registry_mirrors):
        if not _URL.fullmatch(text):
            path = f"spec.registry.registryMirrors.{index}"
            yield error("registry.mirror_syntax", path, "A mirror is a URL.", hint="Write it like https://mirror:5000.")
