"""Key files of this server: those in SLIPWAY_KEY_DIR for everybody, and those of the user at a terminal."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from django.conf import settings

from clusters.config.secret import Secret
from clusters.errors import RemoteError
from clusters.localfile import read_regular
from clusters.remote.auth.keys import LARGEST_KEY, parse_key
from clusters.remote.target import key_unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

DEFAULT_KEY_PATH = "~/.ssh/id_rsa"
"""KubeKey reads this file when a host has no password, no key and no path (its API types, 1.0 to 3.1)."""
MOST_OFFERED = 500
"""Names of SLIPWAY_KEY_DIR that a page lists."""
MOST_ENTRIES = 5_000
"""Entries of SLIPWAY_KEY_DIR that are checked for them."""


class KeyFiles(Protocol):
    """The private key files that a document may name by path."""

    def read(self, path: str) -> Secret:
        """The key at this path. Raises KeyUnreadable, with the same message for every reason."""
        ...

    def default(self) -> Secret | None:
        """The key for a machine without login data, if there is one."""
        ...


class OfferedKeys:
    """The files in SLIPWAY_KEY_DIR, which an administrator offers to everybody; without the setting there are none.

    A document names them relative to the folder, or with the folder's path. Nothing outside is opened, or even
    checked for existence.
    """

    def __init__(self) -> None:
        self._root = Path(os.path.normpath(Path(folder).absolute())) if (folder := settings.SLIPWAY_KEY_DIR) else None

    def read(self, path: str) -> Secret:
        """The key in an offered file."""
        place = self._place(path)
        # Paths outside are not logged: pages try them with every imported draft.
        if place is None:
            raise key_unreadable(path)
        try:
            return _read_key(self._resolve(place))
        except (OSError, RuntimeError, ValueError, RemoteError) as error:
            _log_reason(path, error)
            raise key_unreadable(path) from None

    def default(self) -> None:
        """None: no key of this server is tried by default."""

    def names(self) -> list[str]:
        """The offered files, by their paths in the folder, without public halves."""
        return sorted(self._names(self._root))[:MOST_OFFERED] if self._root else []

    def _place(self, path: str) -> Path | None:
        """The path if it is textually inside the folder: paths that lead outside are never looked up."""
        if self._root is None:
            return None
        place = Path(os.path.normpath(self._root / path))
        return place if place != self._root and place.is_relative_to(self._root) else None

    def _resolve(self, place: Path) -> Path:
        """Where a path in the folder leads to. Raises OSError, RuntimeError or ValueError."""
        found = place.resolve(strict=True)
        if self._root is None or not found.is_relative_to(self._root.resolve()):
            raise ValueError("a symbolic link leads out of SLIPWAY_KEY_DIR")
        return found

    def _names(self, root: Path) -> Iterator[str]:
        count = 0
        for folder, inner, files in os.walk(root):
            inner[:] = [name for name in inner if not name.startswith(".")]
            for name in files:
                count += 1
                if count > MOST_ENTRIES:
                    return
                place = Path(folder) / name
                if not name.startswith(".") and not name.endswith(".pub") and self._is_file(place):
                    yield str(place.relative_to(root))

    def _is_file(self, place: Path) -> bool:
        try:
            return self._resolve(place).is_file()
        except (OSError, RuntimeError, ValueError):
            return False


class TerminalKeys:
    """Files of the user who runs a command, with that user's rights. Relative paths start at the document's folder."""

    def __init__(self, beside: Path) -> None:
        self._beside = beside

    def read(self, path: str) -> Secret:
        """The key in a file; `~` is the home directory of the user who runs the command."""
        try:
            return _read_key(self._beside / Path(path).expanduser())
        except (OSError, RuntimeError, ValueError, RemoteError) as error:
            _log_reason(path, error)
            raise key_unreadable(path) from None

    def default(self) -> Secret | None:
        """KubeKey's default, ~/.ssh/id_rsa, if it is usable."""
        try:
            return _read_key(Path(DEFAULT_KEY_PATH).expanduser())
        except (OSError, RuntimeError, ValueError, RemoteError):
            return None


def _read_key(path: Path) -> Secret:
    key = Secret(read_regular(path, LARGEST_KEY).decode("utf-8", "replace"))
    parse_key(key, "It")
    return key


def _log_reason(path: str, error: Exception) -> None:
    """Log the reason for the administrator, and nothing else about the file."""
    why = getattr(error, "strerror", None) or str(error)
    log.warning("The private key file %.200r cannot be used: %.200s", path, why)
