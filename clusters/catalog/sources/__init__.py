"""Where artifacts come from: upstream, a bundle in a directory, or the same layout on a web server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from clusters.catalog.sources.bundle import Bundle
from clusters.catalog.sources.download import fetch_bytes, fetch_once, look_at
from clusters.catalog.sources.index import LARGEST_INDEX, index_in, read_index
from clusters.catalog.sources.nothing import Nothing
from clusters.catalog.sources.upstream import Upstream, read_mirrors
from clusters.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.catalog.sources.index import Entry
    from clusters.engine.source import Asker, Source

__all__ = ["NONE", "open_source", "read_mirrors", "unprotected"]

NONE = "none"
"""The location that means: no artifact source."""


def open_source(
    location: str, *, cache: Path, mirrors: Iterable[str] = (), index_sha256: str = "", allow_http: bool = False
) -> Source:
    """The source at a location: a bundle directory, the http(s) address of one, "" for upstream, "none" for nothing.

    `cache` is the directory for files from the network that were downloaded and checked. Anybody who can write there
    can put files on machines: it must be Slipway's own. `mirrors` replace prefixes of upstream's addresses
    (`read_mirrors`). `index_sha256` is the required checksum of a bundle's index; without it, or with a mirror, http is
    refused unless it is allowed, since nothing else protects the files. Raises SourceError.
    """
    if location.lower() == NONE:
        return Nothing()
    pairs = read_mirrors(mirrors) if not location else ()
    if not allow_http and (found := unprotected(location, (instead for _, instead in pairs), index_sha256)):
        raise _refused(found[0], is_bundle=bool(location))
    if not location:
        return Upstream(cache / "upstream", pairs)
    if location.startswith(("http://", "https://")):
        return _on_the_web(location.rstrip("/"), cache, index_sha256)
    root = Path(location)
    return Bundle(root, read_index(root / "bundle.yaml", index_sha256))


def unprotected(location: str, mirrors: Iterable[str], index_sha256: str) -> tuple[str, ...]:
    """Those of these addresses for which anybody on the network path could send other files."""
    if location:
        return (location,) if location.startswith("http://") and not index_sha256 else ()
    return tuple(each for each in mirrors if not each.startswith("https://"))


def _refused(address: str, *, is_bundle: bool) -> SourceError:
    what, advice = "mirror", "Use its https address"
    if is_bundle:
        what = "bundle"
        advice = "Use its https address, or set SLIPWAY_ARTIFACTS_SHA256 to the SHA-256 of its bundle.yaml"
    return SourceError(
        f"The {what} at {address} is not used: over http, anybody on the network path can change files and checksums.",
        hint=f"{advice}. In a lab, SLIPWAY_ARTIFACTS_ALLOW_HTTP=1 allows it.",
    )


def _on_the_web(base: str, cache: Path, index_sha256: str) -> Bundle:
    """A bundle on a web server, in its current state."""
    place = cache / _folder_of(base)

    def fetch(entry: Entry, path: Path, asker: Asker | None) -> Path:
        return fetch_once(f"{base}/{quote(entry.path)}", path, sha256=entry.sha256, size=entry.size, asker=asker)

    def look(path: str) -> None:
        look_at(f"{base}/{quote(path)}")

    # A page may be waiting for this, so there is only one attempt.
    address = f"{base}/bundle.yaml"
    content = fetch_bytes(address, attempts=1, most=LARGEST_INDEX)
    return Bundle(place, index_in(content, address, index_sha256), fetch=fetch, look=look)


def _folder_of(base: str) -> str:
    """The name of a bundle's folder in the cache: never that of another source, nor one outside of the cache."""
    name = base.partition("://")[2].replace("/", "_").lstrip(".")
    return name if name not in ("", "upstream") else f"bundle_{name}"
