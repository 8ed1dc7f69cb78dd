"""The source one has before one has a source: every question is answered by what to do about it."""

from __future__ import annotations

from typing import NoReturn

from clusters.errors import SourceError


class Nothing:
    """No artifacts at all; the wizard and the plan work, an installation says what is missing."""

    def version_of(self, component: str, kubernetes_version: str) -> str:
        """Nothing is here."""
        self._refuse(component)

    def file(self, component: str, version: str, name: str, arch: str) -> NoReturn:
        """Nothing is here."""
        self._refuse(component)

    def image(self, ref: str, arch: str) -> None:
        """Machines pull images themselves."""
        return

    def kubernetes_versions(self) -> tuple[str, ...]:
        """Nothing is here."""
        return ()

    def _refuse(self, component: str) -> NoReturn:
        raise SourceError(
            f"{component} is needed, but Slipway was told of no place to take it from.",
            hint="Set SLIPWAY_ARTIFACTS to the directory or address of an artifact bundle and start Slipway again.",
        )
