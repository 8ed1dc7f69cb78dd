"""The one family of errors: each says what was expected, what was found, and what to do about it."""

from __future__ import annotations

from clusters.plaintext import plain_text


class InstallerError(Exception):
    """An error written for a person.

    `message` says what was expected, what was found and where; `hint` says what to try;
    `retryable` is true when doing the same thing again may succeed (a dropped connection,
    a slow start), false when somebody has to change something first. Both quote what machines
    say, so a terminal's control codes are taken out of them.
    """

    retryable = False

    def __init__(self, message: str, *, hint: str = "", retryable: bool | None = None) -> None:
        self.message = plain_text(message)
        self.hint = plain_text(hint)
        super().__init__(self.message)
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        return self.message

    @property
    def with_hint(self) -> str:
        """Message and hint, as they follow each other on a page or in a log."""
        return f"{self.message} {self.hint}".strip()


class ConfigError(InstallerError):
    """The document cannot be used; its findings say where and why."""


class RemoteError(InstallerError):
    """Something between us and a machine went wrong; `machine` is its name in the document, as far as it is known."""

    machine = ""


class PlanError(InstallerError):
    """Steps and machines do not form a plan: an unknown step, a cycle, a role without machines."""


class SourceError(InstallerError):
    """An artifact cannot be had, or is not what its checksum says."""


class Cancelled(InstallerError):
    """Somebody asked for the run to stop."""
