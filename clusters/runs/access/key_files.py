"""Key files of this server: those below SLIPWAY_KEY_DIR for everybody, and those of the user at a terminal."""

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
"""Names that a page lists of SLIPWAY_KEY_DIR."""
MOST_ENTRIES = 5_000
"""Entries of SLIPWAY_KEY_DIR that are looked at for them."""


class KeyFiles(Protocol):
    """Where the private keys lie that a document names by a path."""

    def read(self, path: str) -> Secret:
        """The key at this path. Raises KeyUnreadable, with the same words whatever the reason is."""
        ...

    def default(self) -> Secret | None:
        """The key for a machine that says nothing of its login, if there is one."""
        ...


class OfferedKeys:
    """The files below SLIPWAY_KEY_DIR, which an administrator offers to everybody; without the setting there are none.

    A document names them relative to the folder, or with the folder before them. Nothing outside is opened, and
    nothing outside is asked whether it exists.
    """

    def __init__(self) -> None:
        self._root = Path(os.path.normpath(Path(folder).absolute())) if (folder := settings.SLIPWAY_KEY_DIR) else None

    def read(self, path: str) -> Secret:
        """The key in an offered file."""
        place = self._place(path)
        # A path that is not offered is not logged: pages ask for one with every imported draft.
        if place is None:
            raise key_unreadable(path)
        try:
            return _key_in(self._resolved(place))
        except (OSError, RuntimeError, ValueError, RemoteError) as error:
            _explain(path, error)
            raise key_unreadable(path) from None

    def default(self) -> None:
        """No key of this server is tried unasked."""

    def names(self) -> list[str]:
        """The files that are offered, by their names below the folder; a public half is not one of them."""
        return sorted(self._names(self._root))[:MOST_OFFERED] if self._root else []

    def _place(self, path: str) -> Path | None:
        """The path if it is below the folder by its letters: of one that leads outside nothing is looked up."""
        if self._root is None:
            return None
        place = Path(os.path.normpath(self._root / path))
        return place if place != self._root and place.is_relative_to(self._root) else None

    def _resolved(self, place: Path) -> Path:
        """Where a place below the folder leads to. Raises OSError, RuntimeError or ValueError."""
        found = place.resolve(strict=True)
        if self._root is None or not found.is_relative_to(self._root.resolve()):
            raise ValueError("a link leads out of SLIPWAY_KEY_DIR")
        return found

    def _names(self, root: Path) -> Iterator[str]:
        seen = 0
        for folder, inner, files in os.walk(root):
            inner[:] = [name for name in inner if not name.startswith(".")]
            for name in files:
                seen += 1
                if seen > MOST_ENTRIES:
                    return
                place = Path(folder) / name
                if not name.startswith(".") and not name.endswith(".pub") and self._is_file(place):
                    yield str(place.relative_to(root))

    def _is_file(self, place: Path) -> bool:
        try:
            return self._resolved(place).is_file()
        except (OSError, RuntimeError, ValueError):
            return False


class TerminalKeys:
    """Files of the user who runs a command, with their rights. Relative paths begin beside the document's file."""

    def __init__(self, beside: Path) -> None:
        self._beside = beside

    def read(self, path: str) -> Secret:
        """The key in a file; `~` is the home directory of the user who runs the command."""
        try:
            return _key_in(self._beside / Path(path).expanduser())
        except (OSError, RuntimeError, ValueError, RemoteError) as error:
            _explain(path, error)
            raise key_unreadable(path) from None

    def default(self) -> Secret | None:
        """What KubeKey tries, too: ~/.ssh/id_rsa, where it can be used."""
        try:
            return _key_in(Path(DEFAULT_KEY_PATH).expanduser())
        except (OSError, RuntimeError, ValueError, RemoteError):
            return None


def _key_in(path: Path) -> Secret:
    key = Secret(read_regular(path, LARGEST_KEY).decode("utf-8", "replace"))
    parse_key(key, "It")
    return key


def _explain(path: str, error: Exception) -> None:
    """The log of the process says the reason to the administrator, and no more of the file than that."""
    why = getattr(error, "strerror", None) or str(error)
    log.warning("The private key file %.200r cannot be used: %.200s", path, why)
