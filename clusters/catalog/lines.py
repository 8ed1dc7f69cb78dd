"""Checks for the document's values in files with one setting per line, such as units and environment files."""

from __future__ import annotations

from clusters.errors import ConfigError


def one_line(text: str, where: str) -> str:
    """The text, unchanged. Raises ConfigError for a control character; `where` names the text's place.

    A line break would start another setting, which nobody has reviewed and a program that runs as root would obey.
    """
    if any(ord(letter) < 32 or ord(letter) == 127 or letter in "\x85\u2028\u2029" for letter in text):
        raise ConfigError(f"{where} has a line break or another control character: {text[:60]!r}.", hint="Remove it.")
    return text


def one_word(text: str, where: str) -> str:
    """The text, unchanged. Raises ConfigError where a Corefile would read more than one word in it, or a block."""
    if any(letter.isspace() or letter in "{}\"'#" for letter in one_line(text, where)):
        raise ConfigError(f"{where} is not one word: {text[:60]!r}.", hint="Remove spaces, quotes, braces and #.")
    return text
