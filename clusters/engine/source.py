"""Source: where the files for machines come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a component on Slipway's own disk, checked against its SHA-256."""

    component: str
    version: str
    path: Path
    sha256: str


class Asker(Protocol):
    """The caller that waits for an artifact: gets the progress of a download and can end it. A Machine is one."""

    def note(self, text: str) -> None:
        """Write a line to the log."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait; raises Cancelled when the artifact is no longer needed."""
        ...

    def seconds_left(self) -> float:
        """How long the artifact is still useful."""
        ...


class Source(Protocol):
    """Bundle directory, mirror or upstream. Methods raise SourceError with what was searched for and where.

    A necessary download happens during the call, and the asker gets its progress.
    """

    def version_of(self, component: str, kubernetes_version: str) -> str:
        """The version of a component that this source has for a Kubernetes version ("v3.4.23")."""
        ...

    def file(self, component: str, version: str, name: str, arch: str, *, asker: Asker | None = None) -> Artifact:
        """A file by its name in the component's release (`kubelet`, `etcd-v3.4.23-linux-amd64.tar.gz`)."""
        ...

    def look_for(self, component: str, version: str, name: str, arch: str) -> None:
        """Raise what `file` would raise, as far as that is known within seconds and without fetching the file."""
        ...

    def has_image(self, ref: str, arch: str) -> bool:
        """Whether `image` would return an archive, so that machines need no registry for it."""
        ...

    def name_of(self, ref: str) -> str:
        """The name under which this source has an image; the tag may differ."""
        ...

    def image(self, ref: str, arch: str, *, asker: Asker | None = None) -> Artifact | None:
        """An archive of a container image, or None when machines pull images themselves."""
        ...

    def kubernetes_versions(self) -> tuple[str, ...]:
        """The Kubernetes versions that can be installed from this source, newest first."""
        ...
