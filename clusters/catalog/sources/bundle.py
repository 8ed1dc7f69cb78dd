"""An artifact bundle: a directory in upstream's file layout with an index, `bundle.yaml`."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from clusters.catalog.components import components
from clusters.catalog.fitting import best
from clusters.catalog.sources.download import sha256_of
from clusters.config.kubernetes_versions import is_version, parse_version, spelled
from clusters.engine.source import Artifact
from clusters.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from clusters.catalog.sources.index import Entry, Index
    from clusters.engine.source import Asker


def _spelled(entry: Entry) -> Entry:
    """The entry with its version as the rest of Slipway spells it, with a leading v."""
    version = spelled(entry.version) if entry.component == "kubernetes" else entry.version
    bare = entry.component in components() and version[:1].isdigit()
    return replace(entry, version=f"v{version}" if bare else version)


def _not_there(path: Path) -> SourceError:
    return SourceError(f"{path} is in the bundle's index, but the file is missing.", hint="Copy the bundle again.")


class Bundle:
    """A source with an index; every file is checked against its digest once per process.

    `fetch` downloads a file that is elsewhere, `look` raises SourceError where it does not exist. No file is read or
    written outside of `root`, regardless of the index and of links in the directory.
    """

    def __init__(
        self,
        root: Path,
        index: Index,
        *,
        fetch: Callable[[Entry, Path, Asker | None], Path] | None = None,
        look: Callable[[str], None] | None = None,
    ) -> None:
        self._root = root
        self._files = tuple(_spelled(entry) for entry in index.files)
        self._images = index.images
        self._fetch = fetch
        self._look = look
        self._checked: set[str] = set()
        self._lock = threading.Lock()

    def version_of(self, component: str, kubernetes_version: str) -> str:
        """Of the bundle's versions, the one that fits this Kubernetes; of Kubernetes itself that version.

        Raises SourceError where there is none.
        """
        if component == "kubernetes":
            return self._of_kubernetes(kubernetes_version)
        has = tuple(dict.fromkeys(entry.version for entry in self._files if entry.component == component))
        if not has:
            raise SourceError(f"The artifact source has no {component}.", hint="Is the bundle complete?")
        return best(component, has, kubernetes_version)

    def _of_kubernetes(self, version: str) -> str:
        has = self.kubernetes_versions()
        if version in has:
            return version
        odd = dict.fromkeys(each.version for each in self._files if each.component == "kubernetes")
        others = ", ".join(each for each in odd if each not in has)
        left = f" Slipway installs releases only, so it ignores {others}." if others else ""
        raise SourceError(
            f"The artifact source has no Kubernetes {version}.",
            hint=f"It has {', '.join(has) or 'none'}. Choose one of these, or use another source.{left}",
        )

    def file(self, component: str, version: str, name: str, arch: str, *, asker: Asker | None = None) -> Artifact:
        """A file of a component's release."""
        return self._checked_file(self._entry(component, version, name, arch), asker)

    def look_for(self, component: str, version: str, name: str, arch: str) -> None:
        """Check that the index names the file and that it exists. Raises SourceError."""
        entry = self._entry(component, version, name, arch)
        place = self._place(entry)
        if not place.is_file():
            if self._look is None:
                raise _not_there(place)
            self._look(entry.path)

    def has_image(self, ref: str, arch: str) -> bool:
        """Whether the index names the image."""
        return (ref, arch) in self._images

    def name_of(self, ref: str) -> str:
        """The name itself if the index has it, or has none or several of that repository; else the one that it has."""
        names = {each for each, _ in self._images}
        others = [each for each in names if each.rpartition(":")[0] == ref.rpartition(":")[0]]
        return others[0] if ref not in names and len(others) == 1 else ref

    def image(self, ref: str, arch: str, *, asker: Asker | None = None) -> Artifact | None:
        """The archive of an image; None where the bundle lacks it, so that the machine pulls it."""
        entry = self._images.get((ref, arch))
        return None if entry is None else self._checked_file(entry, asker)

    def kubernetes_versions(self) -> tuple[str, ...]:
        """The releases in the bundle, newest first, without versions that cannot be installed (v1.37.3-rc.0)."""
        has = {entry.version for entry in self._files if entry.component == "kubernetes" and is_version(entry.version)}
        return tuple(sorted(has, key=parse_version, reverse=True))

    def _entry(self, component: str, version: str, name: str, arch: str) -> Entry:
        for entry in self._files:
            if (entry.component, entry.version, entry.arch, entry.name) == (component, version, arch, name):
                return entry
        raise SourceError(
            f"The artifact source has no {name} of {component} {version} for {arch}.", hint="Is the bundle complete?"
        )

    def _checked_file(self, entry: Entry, asker: Asker | None) -> Artifact:
        path = self._place(entry)
        if self._fetch is not None:
            # Each file on a web server has its own lock, so that one download does not delay another.
            if entry.path not in self._checked:
                self._fetch(entry, path, asker)
        else:
            with self._lock:
                if entry.path not in self._checked:
                    self._check(path, entry)
        self._checked.add(entry.path)
        return Artifact(entry.component, entry.version, path, entry.sha256)

    def _place(self, entry: Entry) -> Path:
        """The file's path, whether it exists yet or not. Raises SourceError when a link leads out of the bundle."""
        path = self._root / entry.path
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise SourceError(
                f"{path}, a file of {entry.component} {entry.version}, is a link out of the bundle.",
                hint="Replace the link with the file itself. Links inside the bundle are allowed.",
            )
        return path

    def _check(self, path: Path, entry: Entry) -> None:
        if not path.is_file():
            raise _not_there(path)
        if (found := sha256_of(path)) != entry.sha256:
            raise SourceError(
                f"{path} has SHA-256 {found}, expected {entry.sha256}.",
                hint="The file is damaged; copy the bundle again. The file was not used.",
            )
