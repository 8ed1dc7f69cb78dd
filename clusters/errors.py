"""The base classes of errors for users: each message has what was expected, what was found, and what to do."""

from __future__ import annotations

from clusters.plaintext import plain_text


class InstallerError(Exception):
    """An error for users.

    `message` contains what was expected, what was found and where; `hint` what to try;
    `retryable` is true when a retry may succeed (a dropped connection, a slow start), false
    when something must be changed first. Both texts may quote the output of machines, so
    terminal control codes are removed from them.
    """

    retryable = False
    lines: tuple[str, ...] = ()
    """Lines of output that explain it, for the page of the failed step."""

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
        """Message and hint as one text for a page or a log."""
        return f"{self.message} {self.hint}".strip()


class ConfigError(InstallerError):
    """The document is invalid; its findings contain where and why."""


class RemoteError(InstallerError):
    """The communication with a machine failed; `machine` is its name in the document, if known."""

    machine = ""


class PlanError(InstallerError):
    """Steps and machines do not form a plan: an unknown step, a cycle, a role without machines."""


class SourceError(InstallerError):
    """An artifact is not available, or does not match its checksum."""


class Cancelled(InstallerError):
    """A user cancelled the run."""
