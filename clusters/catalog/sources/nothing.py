"""The source for SLIPWAY_ARTIFACTS=none: every request fails with an explanation of what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from clusters.errors import SourceError

if TYPE_CHECKING:
    from clusters.engine.source import Asker


class Nothing:
    """No artifacts at all; the wizard and the plan work, an installation reports what is missing."""

    def version_of(self, component: str, kubernetes_version: str) -> str:
        """It has nothing."""
        self._refuse(component)

    def file(self, component: str, version: str, name: str, arch: str, *, asker: Asker | None = None) -> NoReturn:
        """It has nothing."""
        self._refuse(component)

    def look_for(self, component: str, version: str, name: str, arch: str) -> NoReturn:
        """It has nothing."""
        self._refuse(component)

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
        """It has nothing."""
        return ()

    def _refuse(self, component: str) -> NoReturn:
        raise SourceError(
            f"{component} is required, but SLIPWAY_ARTIFACTS is none: Slipway has no artifact source.",
            hint="Set it to the directory or address of an artifact bundle, or leave it empty to download from "
            "upstream; then restart Slipway.",
        )
