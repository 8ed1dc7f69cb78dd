"""How processes write their log: plain text, one line per message, even if a machine or a client chose the words."""

from __future__ import annotations

import logging
from http import HTTPStatus

from clusters.plaintext import plain_block, plain_text


class PlainFormatter(logging.Formatter):
    """Takes out what a terminal would obey, and indents further lines, so that none of them passes for a message."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """One message."""
        return plain_block(super().formatMessage(record))

    def formatException(self, ei: object) -> str:
        """The traceback below it, which quotes what machines say."""
        return "    " + plain_block(super().formatException(ei))  # type: ignore[arg-type]

    def formatStack(self, stack_info: str) -> str:
        """The stack below it."""
        return plain_text(super().formatStack(stack_info))


class WithoutTraceback(logging.Filter):
    """What a client sent wrongly is one line; where Django noticed it says nothing to anybody."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, without its traceback unless it is of an answer 500."""
        if getattr(record, "status_code", 0) < HTTPStatus.INTERNAL_SERVER_ERROR:
            record.exc_info = record.exc_text = None
        return True
