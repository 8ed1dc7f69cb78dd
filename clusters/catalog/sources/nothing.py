"""The source for who wants none: every question is answered by what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from clusters.errors import SourceError

if TYPE_CHECKING:
    from clusters.engine.source import Asker


class Nothing:
    """No artifacts at all; the wizard and the plan work, an installation says what is missing."""

    def version_of(self, component: str, kubernetes_version: str) -> str:
        """Nothing is here."""
        self._refuse(component)

    def file(self, component: str, version: str, name: str, arch: str, *, asker: Asker | None = None) -> NoReturn:
        """Nothing is here."""
        self._refuse(component)

    def look_for(self, component: str, version: str, name: str, arch: str) -> NoReturn:
        """Nothing is here."""
        self._refuse(component)

    def has_image(self, ref: str, arch: str) -> bool:
        """Machines pull images themselves."""
        return False

    def name_of(self, ref: str) -> str:
        """The name it has everywhere."""
        return ref

    def image(self, ref: str, arch: str, *, asker: Asker | None = None) -> None:
        """Machines pull images themselves."""
        return

    def kubernetes_versions(self) -> tuple[str, ...]:
        """Nothing is here."""
        return ()

    def _refuse(self, component: str) -> NoReturn:
        raise SourceError(
            f"{component} is needed, but SLIPWAY_ARTIFACTS is none: nothing may be taken from anywhere.",
            hint="Set it to the directory or address of an artifact bundle, or leave it empty to download from "
            "upstream; then start Slipway again.",
        )
