"""Where artifacts come from: upstream, a bundle in a directory, or the same layout on a web server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clusters.catalog.sources.bundle import Bundle, index_in, read_index
from clusters.catalog.sources.download import fetch_once, fetch_text, look_at
from clusters.catalog.sources.nothing import Nothing
from clusters.catalog.sources.upstream import Upstream, read_mirrors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.engine.source import Asker, Source

__all__ = ["NONE", "open_source", "read_mirrors"]

NONE = "none"
"""The location that means: take nothing from anywhere."""


def open_source(location: str, *, cache: Path, mirrors: Iterable[str] = ()) -> Source:
    """The source at a location: a bundle directory, the http(s) address of one, "" for upstream, "none" for nothing.

    `cache` is a directory where files from the network are kept once they were fetched and checked. Whoever can write
    there can put files on machines: it must be Slipway's own. `mirrors` replace prefixes of upstream's addresses
    (`read_mirrors`). Raises SourceError.
    """
    if location.lower() == NONE:
        return Nothing()
    if not location:
        return Upstream(cache / "upstream", read_mirrors(mirrors))
    if location.startswith(("http://", "https://")):
        return _on_the_web(location.rstrip("/"), cache)
    root = Path(location)
    return Bundle(root, read_index(root / "bundle.yaml"))


def _on_the_web(base: str, cache: Path) -> Bundle:
    """A bundle on a web server, as it is now."""
    place = cache / base.partition("://")[2].replace("/", "_")

    def fetch(path: str, sha256: str, asker: Asker | None) -> Path:
        return fetch_once(f"{base}/{path}", place / path, sha256=sha256, asker=asker)

    def look(path: str) -> None:
        look_at(f"{base}/{path}")

    # A page may be waiting for this, so it is asked for once only.
    address = f"{base}/bundle.yaml"
    return Bundle(place, index_in(fetch_text(address, attempts=1), address), fetch=fetch, look=look)
