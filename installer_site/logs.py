"""How processes write their log: plain text, a line for each message, whoever chose the words in it."""

from __future__ import annotations

import logging

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
