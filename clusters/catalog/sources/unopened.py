"""The source that could not be opened: every request fails with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from clusters.engine.source import Asker
    from clusters.errors import SourceError


class Unopened:
    """Replaces a source while machines are checked, so that its error is one finding among the others."""

    def __init__(self, why: SourceError) -> None:
        self._why = why

    def version_of(self, component: str, kubernetes_version: str) -> str:
        """Raises the error of opening it."""
        raise self._why

    def file(self, component: str, version: str, name: str, arch: str, *, asker: Asker | None = None) -> NoReturn:
        """Raises the error of opening it."""
        raise self._why

    def look_for(self, component: str, version: str, name: str, arch: str) -> NoReturn:
        """Raises the error of opening it."""
        raise self._why

    def has_image(self, ref: str, arch: str) -> bool:
        """Unknown: a bundle may contain it."""
        return True

    def name_of(self, ref: str) -> str:
        """The name itself."""
        return ref

    def image(self, ref: str, arch: str, *, asker: Asker | None = None) -> NoReturn:
        """Raises the error of opening it."""
        raise self._why

    def kubernetes_versions(self) -> tuple[str, ...]:
        """None are known."""
        return ()
