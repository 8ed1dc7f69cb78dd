"""Source: where the files that are put on machines come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a component, here on the installer's disk and checked against its SHA-256."""

    component: str
    version: str
    path: Path
    sha256: str


class Asker(Protocol):
    """Who waits for an artifact: hears how far a download is and can end it. A Machine is one."""

    def note(self, text: str) -> None:
        """Is told something worth a line in the log."""
        ...

    def pause(self, seconds: float) -> None:
        """Waits; raises Cancelled when nobody wants the artifact any more."""
        ...

    def seconds_left(self) -> float:
        """How long the artifact is still of use."""
        ...


class Source(Protocol):
    """Bundle directory, mirror or upstream. Methods raise SourceError with what was looked for and where.

    What has to be downloaded is downloaded during the call, and the asker hears of it.
    """

    def version_of(self, component: str, kubernetes_version: str) -> str:
        """The version of a component that goes with a Kubernetes version, as this source has it ("v3.4.23")."""
        ...

    def file(self, component: str, version: str, name: str, arch: str, *, asker: Asker | None = None) -> Artifact:
        """A file by its name in the component's release (`kubelet`, `etcd-v3.4.23-linux-amd64.tar.gz`)."""
        ...

    def look_for(self, component: str, version: str, name: str, arch: str) -> None:
        """Raise what `file` would raise, as far as can be told within seconds and without fetching the file."""
        ...

    def has_image(self, ref: str, arch: str) -> bool:
        """Whether `image` would give an archive, so that machines need no registry for it."""
        ...

    def name_of(self, ref: str) -> str:
        """The name under which this source has an image: another tag of it where that is what the source has."""
        ...

    def image(self, ref: str, arch: str, *, asker: Asker | None = None) -> Artifact | None:
        """An archive of a container image, or None when machines pull images themselves."""
        ...

    def kubernetes_versions(self) -> tuple[str, ...]:
        """The Kubernetes versions that can be installed from here, newest first."""
        ...
