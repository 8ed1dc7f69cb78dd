"""The log format of processes: plain text, one line per message, even if a machine or a client chose the text."""

from __future__ import annotations

import logging
from http import HTTPStatus

from clusters.plaintext import plain_block, plain_text


class PlainFormatter(logging.Formatter):
    """Removes terminal codes, and indents further lines, so that none can be mistaken for a message."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """One message."""
        return plain_block(super().formatMessage(record))

    def formatException(self, ei: object) -> str:
        """The traceback below it, which may quote output of machines."""
        return "    " + plain_block(super().formatException(ei))  # type: ignore[arg-type]

    def formatStack(self, stack_info: str) -> str:
        """The stack below it."""
        return plain_text(super().formatStack(stack_info))


class WithoutTraceback(logging.Filter):
    """A client's error is one line; the place where Django noticed it is of no use."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, without its traceback unless the status is 500 or above."""
        if getattr(record, "status_code", 0) < HTTPStatus.INTERNAL_SERVER_ERROR:
            record.exc_info = record.exc_text = None
        return True
