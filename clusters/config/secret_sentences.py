"""Secrets in comments that are written in plain words: `# the old password: x`, `# password is x`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.config.secret_looks import looks_random
from clusters.config.secret_names import is_open_value, is_secret_key, is_weak_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.secret_looks import Span

_COMMENT = re.compile(r"(?<!\S)#[^\n]*+")
_COLON = re.compile(r"(?<!#)#++(?P<words>[^\n:=#]*+)[:=][ \t]*+")
# Looked ahead: in `the password is x` each word may be the one that counts.
_SAID = re.compile(
    r"(?<![\w.-])(?=(?P<key>[A-Za-z][\w.-]*+)[\"'`)]*+(?:[ \t]++(?:for|of|on|at)[ \t]++(?:the[ \t]++)?+[\w.@-]++)?+"
    r"[ \t]++(?P<verb>(?:is|was|are|equals|be)(?!\w)|[-=]?>|\u2192|\u2013|-(?=[ \t]))?+[ \t]*+"
    r"(?:(?:now|still|set to)[ \t]++)?+"
    r"[\"'`]?+(?P<value>[^\s\"'`]++)(?P<after>[^\n]{0,3}))"
)
_WORDS = """
    a above absent again all also an and any as at be before below both by can case changed computed correct
    default different empty encrypted fine for found from generated given good hashed here hidden how in
    incorrect invalid kept known left long mandatory masked missing my new no none not now of off ok old on one
    only optional or our out public random read required safe same secret set shared short shown so static
    stored strong taken that the their them then there this to too unknown unset up used valid via weak what
    when where wherever with without wrong your yours
"""
_PLAIN = frozenset(_WORDS.split())
"""What people say of a password, and no password."""


def in_comments(text: str) -> Iterator[Span]:
    """Where secrets stand in the comments of a text."""
    if "#" not in text:
        return
    for match in _COLON.finditer(text):
        words = re.findall(r"[\w.-]+", match["words"])
        if any(is_secret_key(word) and not is_weak_key(word) for word in words):
            end = text.find("\n", match.end())
            yield from _stripped(text, match.end(), len(text) if end < 0 else end)
    for comment in _COMMENT.finditer(text):
        for said in _SAID.finditer(comment[0]):
            if is_secret_key(said["key"]) and not is_weak_key(said["key"]) and _means_one(said):
                start = comment.start() + said.start("value")
                yield start, start + len(said["value"].rstrip(".,;:)]"))


def points_elsewhere(text: str, span: Span) -> bool:
    """Whether what a comment says behind a name is where to find the secret: `# password: see the handbook`."""
    return text[span[0] : min(span[1], span[0] + 4)].lower() in ("see ", "ask ")


def _stripped(text: str, start: int, end: int) -> Iterator[Span]:
    value = text[start:end].partition(" #")[0].strip()
    start = text.find(value, start)
    if len(value) > 1 and value[0] in "\"'" and value[0] == value[-1]:
        value, start = value[1:-1], start + 1
    if not points_elsewhere(text, (start, start + len(value))) and not is_open_value("", value):
        yield start, start + len(value)


def _means_one(said: re.Match[str]) -> bool:
    """Whether a word behind `password` is one: after a verb any word that ends the sentence, else only a random one."""
    word = said["value"].rstrip(".,;:)]")
    if is_open_value("", word) or word.startswith(("$", "(", "http://", "https://")):
        return False
    if looks_random(word):
        return said["verb"] is not None or any(map(str.isdigit, word))
    last = not said["after"].strip("\"'` \t") or said["value"] != word
    plain = word.lower() in _PLAIN or word.lower().endswith(("ed", "able", "ing", "ible"))
    return said["verb"] is not None and last and len(word) > 3 and not plain
