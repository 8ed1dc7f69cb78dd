"""What the YAML parser says of broken text, in words that quote nothing of it."""

from __future__ import annotations

_QUOTE = "Put the value in quotes."
SYNTAX = (
    ("alias|anchor", "A value starts with * or &, which mean something else in YAML.", _QUOTE),
    ("tag", "A value starts with !, which means something else in YAML.", _QUOTE),
    (
        "mapping values are not allowed",
        "There is a colon too many, or the indentation is off.",
        f"If it is text: {_QUOTE}",
    ),
    ("flow node", "A [ or a { is not closed, or there is a comma too many.", "Close it, or put the value in quotes."),
    ("escape", "In double quotes a backslash is special.", "Use single quotes, or write two backslashes."),
    ("quoted scalar", "A quote is opened and not closed.", "Close it; inside single quotes a quote is written twice."),
    ("'}'|flow mapping", "A { is not closed, or a comma is missing.", "Put values that contain , { } [ ] in quotes."),
    ("'\\]'|flow seq", "A [ is not closed, or a comma is missing.", "Put values that contain , { } [ ] in quotes."),
    ("start any token", "No value can start with this character.", _QUOTE),
    ("expected ':'", "A key without its colon.", "Write a colon and a blank after it."),
    ("block", "The indentation is off.", "Lines of one list or mapping start in the same column."),
    ("document start|node content", "Something stands before or after the document.", "Remove it."),
    ("", "The structure is broken here.", "Look at this line and the one before it."),
)
"""Words of the parser -> our message and hint. Its own words are not shown: they may quote a piece of a password."""
