"""Where artifacts come from: a bundle in a directory, or the same layout on a web server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.catalog.sources.bundle import Bundle, read_index
from clusters.catalog.sources.mirror import fetch_to
from clusters.catalog.sources.nothing import Nothing

if TYPE_CHECKING:
    from clusters.engine.source import Source

__all__ = ["open_source"]


def open_source(location: str, *, cache: Path | None = None) -> Source:
    """The source at a location: a bundle directory, the http(s) address of one, or "" for none.

    `cache` is where files of a web server are kept once they were fetched and checked; without it
    that is a directory of the operating system's temporary files, one per address. Raises SourceError.
    """
    if not location:
        return Nothing()
    if location.startswith(("http://", "https://")):
        base = location.rstrip("/")
        kept = cache or Path(tempfile.gettempdir()) / "slipway-artifacts"
        place = kept / base.partition("://")[2].replace("/", "_")
        index = fetch_to(f"{base}/bundle.yaml", place / "bundle.yaml", sha256=None)
        return Bundle(
            place, read_index(index), fetch=lambda path, sha: fetch_to(f"{base}/{path}", place / path, sha256=sha)
        )
    root = Path(location)
    return Bundle(root, read_index(root / "bundle.yaml"))
