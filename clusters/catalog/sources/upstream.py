"""Upstream: every component from its own project, checked against the checksums that the project publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.components import Published, digest_in, published, version_for
from clusters.catalog.sources.download import disk_errors, fetch_text, fetch_to, locked, look_at, sha256_of
from clusters.catalog.sources.web import NotPublished
from clusters.config.kubernetes_versions import known_versions
from clusters.engine.source import Artifact
from clusters.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from clusters.engine.source import Asker


def read_mirrors(words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """`https://upstream/prefix/=https://mirror/prefix/` as pairs, the longest prefix first. Raises SourceError."""
    found = []
    for word in words:
        prefix, _, instead = word.partition("=")
        if not all(each.startswith(("https://", "http://")) for each in (prefix, instead)):
            raise SourceError(
                f"{word!r} is not a mirror: expected upstream=mirror, both starting with https:// or http://.",
                hint="For example: SLIPWAY_ARTIFACTS_MIRRORS=https://dl.k8s.io/=https://mirror.example/k8s/",
            )
        found.append((f"{prefix.rstrip('/')}/", f"{instead.rstrip('/')}/"))
    return tuple(sorted(found, key=lambda pair: len(pair[0]), reverse=True))


class Upstream:
    """A source that downloads into a cache directory with a bundle's layout, and uses its files first."""

    def __init__(self, cache: Path, mirrors: Sequence[tuple[str, str]] = ()) -> None:
        self._cache = cache
        self._mirrors = mirrors
        self._checked: dict[str, Artifact] = {}

    def version_of(self, component: str, kubernetes_version: str) -> str:
        """The version that fits this Kubernetes. Raises SourceError or ConfigError for unknown ones."""
        return version_for(component, kubernetes_version)

    def file(self, component: str, version: str, name: str, arch: str, *, asker: Asker | None = None) -> Artifact:
        """A file of a component's release, downloaded unless it is in the cache with the right checksum."""
        found = published(component, version, name, arch)
        if found.path not in self._checked:
            path = self._cache / found.path
            with locked(path, asker):
                if found.path not in self._checked:
                    release = f"{component} {version}"
                    digest = self._cached_digest(found, path) or self._fetch(found, path, release, arch, asker)
                    self._checked[found.path] = Artifact(component, version, path, digest)
        return self._checked[found.path]

    def look_for(self, component: str, version: str, name: str, arch: str) -> None:
        """Send HEAD requests for file and checksum file, unless both are in the cache. Raises SourceError."""
        found = published(component, version, name, arch)
        if (self._cache / found.path).is_file() and (found.sha256 or (self._cache / found.sums_path).is_file()):
            return
        for url in (found.url, found.sums_url):
            if url:
                look_at(self._from(url))

    def has_image(self, ref: str, arch: str) -> bool:
        """Machines pull images themselves."""
        return False

    def name_of(self, ref: str) -> str:
        """The name itself."""
        return ref

    def image(self, ref: str, arch: str, *, asker: Asker | None = None) -> None:
        """Machines pull images themselves."""
        return

    def kubernetes_versions(self) -> tuple[str, ...]:
        """Every known version, newest first."""
        return known_versions()

    def _cached_digest(self, found: Published, path: Path) -> str:
        """The digest of a file in the cache, if it matches the pinned one or its checksum file; else ""."""
        sums = self._cache / found.sums_path
        try:
            digest: str | None = found.sha256
            if not digest:
                digest = digest_in(sums.read_text(encoding="utf-8", errors="replace"), path.name)
            return digest if digest and sha256_of(path) == digest else ""
        except OSError:
            # A file that cannot be read is downloaded; if it cannot be written, that raises the error.
            return ""

    def _fetch(self, found: Published, path: Path, release: str, arch: str, asker: Asker | None) -> str:
        """Fetch the checksum, unless it is known, and the file; returns the digest. Raises SourceError."""
        url, text = self._from(found.url), ""
        try:
            digest = found.sha256
            if not digest:
                text, digest = self._published_digest(self._from(found.sums_url), path.name, asker)
            fetch_to(url, path, sha256=digest, title=f"{path.name} of {release}", asker=asker)
        except NotPublished as error:
            raise NotPublished(
                f"{path.name} of {release} for {arch} is not available: {error.message}",
                hint="Does this version exist for this architecture? A mirror must have the checksum files, too.",
            ) from error
        if found.sums_path:
            self._save_sums(self._cache / found.sums_path, text)
        return digest

    def _published_digest(self, sums_url: str, name: str, asker: Asker | None) -> tuple[str, str]:
        """A checksum file and the digest that it lists for a file. Raises SourceError."""
        text = fetch_text(sums_url, asker)
        digest = digest_in(text, name)
        if digest is None:
            raise SourceError(
                f"{sums_url} has no SHA-256 of {name}.",
                hint="Does a mirror or proxy send an error page instead? Slipway uses no unchecked files.",
            )
        return text, digest

    def _save_sums(self, path: Path, text: str) -> None:
        """Save the checksum file beside its file, so that the next run needs no network."""
        with locked(path), disk_errors(path):
            part = path.with_name(f".{path.name}.part")
            part.write_text(text, encoding="utf-8")
            part.replace(path)

    def _from(self, url: str) -> str:
        """The address, replaced by a mirror's if there is one for it."""
        for prefix, instead in self._mirrors:
            if url.startswith(prefix):
                return instead + url.removeprefix(prefix)
        return url
