"""Removes terminal control codes: output of machines is printed, logged and stored as plain text."""

from __future__ import annotations

import re

# Terminal control codes (ECMA-48): control sequences such as colors and cursor movements, strings such as window
# titles, other escapes, and single control characters except tab and line feed. Truncated codes also count, but a
# string without an end does not hide the text after it. Possessive quantifiers (`*+`) and strings without escapes make
# sure that a text is read once. Unicode's direction controls make a line look different from what it is, and two
# further characters end a line.
_CODES = (
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"
    r"|\x1b[\]PX^_][^\x07\x1b\n]*+(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*+[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    r"|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
CODES = re.compile(_CODES)
# The same for bytes, including unterminated strings, without the bytes that UTF-8 uses for other characters.
_BEGUN = re.compile(
    rb"\x1b\[[0-?]*+[ -/]*+[@-~]?|\x1b[\]PX^_][^\x07\x1b\n]*+(?:\x07|\x1b\\?)?|\x1b[ -/]*+[0-~]?",
)
# The number of bytes around a position in which a code that spans it is searched; only titles can be longer.
LONGEST_CODE = 256


def plain_text(text: str) -> str:
    """The text as a terminal without colors would show it; tabs and line feeds are preserved."""
    return text if text.isprintable() else CODES.sub("", text)


def plain_block(text: str, indent: str = "    ") -> str:
    """Plain text with all lines after the first indented, so that none can pass for a line of Slipway."""
    return plain_text(text).replace("\n", "\n" + indent)


def before_code(data: bytes, place: int) -> int:
    """Where to cut bytes, at a position or slightly before it, so that no control code is split."""
    around = _BEGUN.finditer(data, max(0, place - LONGEST_CODE), place + LONGEST_CODE)
    return next((code.start() for code in around if code.start() < place < code.end()), place)


def visible_text(text: str) -> str:
    """The text with invisible and direction-changing characters written out (`<U+202E>`)."""
    if text.isprintable():
        return text
    return "".join(letter if letter in "\n\t" or letter.isprintable() else f"<U+{ord(letter):04X}>" for letter in text)
