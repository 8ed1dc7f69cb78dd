"""Messages for the YAML parser's errors that do not quote the text."""

from __future__ import annotations

_QUOTE = "Put the value in quotes."
SYNTAX = (
    ("alias|anchor", "A value starts with * or &, which have a special meaning in YAML.", _QUOTE),
    ("tag", "A value starts with !, which has a special meaning in YAML.", _QUOTE),
    (
        "mapping values are not allowed",
        "There is an extra colon, or the indentation is wrong.",
        f"If it is text: {_QUOTE}",
    ),
    ("flow node", "A [ or a { is not closed, or there is an extra comma.", "Close it, or put the value in quotes."),
    ("escape", "In double quotes a backslash is special.", "Use single quotes, or write two backslashes."),
    ("quoted scalar", "A quote is not closed.", "Close it; inside single quotes, write a quote twice."),
    ("'}'|flow mapping", "A { is not closed, or a comma is missing.", "Put values that contain , { } [ ] in quotes."),
    ("'\\]'|flow seq", "A [ is not closed, or a comma is missing.", "Put values that contain , { } [ ] in quotes."),
    ("start any token", "No value can start with this character.", _QUOTE),
    ("expected ':'", "A key has no colon.", "Write a colon and a space after it."),
    ("block", "The indentation is wrong.", "Start all lines of a list or mapping in the same column."),
    ("document start|node content", "There is text before or after the document.", "Remove it."),
    ("", "The structure is broken here.", "Check this line and the one before it."),
)
"""Pattern in the parser's error -> message and hint. The error itself may quote part of a password, so it is hidden."""
