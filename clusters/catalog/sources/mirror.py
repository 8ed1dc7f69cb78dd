"""Fetching files from a web server: whole, checked, and only once."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from clusters.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT = 60
"""Seconds without a byte."""


def sha256_of(path: Path) -> str:
    """The SHA-256 of a local file."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def fetch_to(url: str, path: Path, *, sha256: str | None) -> Path:
    """Fetch a file unless it is there with that digest; without a digest it is fetched anew. Raises SourceError.

    The environment's proxies are used. A file is put in place only once it is whole and its digest is right.
    """
    if sha256 is not None and path.exists() and sha256_of(path) == sha256:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, part.open("wb") as out:  # noqa: S310 - http(s) only
            while piece := answer.read(1 << 20):
                out.write(piece)
        found = sha256_of(part)
        if sha256 is not None and found != sha256:
            raise SourceError(
                f"{url} has SHA-256 {found}, expected {sha256}.",
                hint="The download is damaged or the mirror holds another file. Nothing of it was used.",
            )
        part.replace(path)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise SourceError(
            f"{url} cannot be fetched: {reason}.", hint="Check the address and the proxy settings.", retryable=True
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return path
