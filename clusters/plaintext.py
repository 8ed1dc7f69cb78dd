"""Text that a terminal would obey, as plain text: whatever machines say is printed, logged and kept without codes."""

from __future__ import annotations

import re

# What a terminal obeys (ECMA-48): control sequences such as colours and movements of the cursor, strings such as the
# title of a window, other escapes, and single control characters besides tab and line feed. What a cut left without
# its end counts too, but a string without an end hides nothing. No part gives back what it took (`*+`), and a string
# holds no escape, so that a text is read once, whatever it holds. Unicode's controls of the direction of writing make
# a line read otherwise than it is, and two further characters end one.
_CODES = (
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"
    r"|\x1b[\]PX^_][^\x07\x1b\n]*+(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*+[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    r"|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
CODES = re.compile(_CODES)
# The same in bytes, with strings that have no end yet, and without the characters that UTF-8 needs for others.
_BEGUN = re.compile(
    rb"\x1b\[[0-?]*+[ -/]*+[@-~]?|\x1b[\]PX^_][^\x07\x1b\n]*+(?:\x07|\x1b\\?)?|\x1b[ -/]*+[0-~]?",
)
# So far around a place a code that spans it is looked for, in bytes; longer ones are titles at most.
LONGEST_CODE = 256


def plain_text(text: str) -> str:
    """The text as a terminal without colours would show it; tabs and line feeds stay."""
    return text if text.isprintable() else CODES.sub("", text)


def plain_block(text: str, indent: str = "    ") -> str:
    """Plain text of which only the first line begins at the margin, so that no other one passes for a line of ours."""
    return plain_text(text).replace("\n", "\n" + indent)


def before_code(data: bytes, place: int) -> int:
    """Where to cut bytes at a place or a little before it, so that no control code is cut in two."""
    around = _BEGUN.finditer(data, max(0, place - LONGEST_CODE), place + LONGEST_CODE)
    return next((code.start() for code in around if code.start() < place < code.end()), place)


def visible_text(text: str) -> str:
    """The text with every character written out that would hide or turn something for who reads it (`<U+202E>`)."""
    if text.isprintable():
        return text
    return "".join(letter if letter in "\n\t" or letter.isprintable() else f"<U+{ord(letter):04X}>" for letter in text)
