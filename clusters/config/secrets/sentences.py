"""Secrets in comments that are written in plain words: `# the old password: x`, `# password is x`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.config.secrets.names import is_open_value, is_secret_key, is_weak_key
from clusters.config.secrets.patterns import looks_random

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.secrets.patterns import Span

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
    only optional or our out over public random read required safe same secret set shared short shown so static
    stored strong taken that the their them then there this to too unknown unset up used valid via weak what
    when where wherever with without wrong your yours
"""
_PLAIN = frozenset(_WORDS.split())
"""Words that describe a password and are not a password."""
_DESCRIBED = re.compile(
    r"(?i)(?:read|write|root|user|admin|owner|cluster|node|namespace|machine|case|url|utf|time|base(?:32|64)|hex|auto|self|pre"
    r"|pass|short|long|not|non|un|single|one|client|server|file|env|host|system|world|group|human)-"
    r"(?:only|encoded|encrypted|hashed|sensitive|insensitive|set|unset|safe|lived|based|specific|wide|scoped|bound|readable"
    r"|writable|protected|free|dependent|limited|time|use|terminated|generated|managed|owned|used|needed|required|rotated"
    r"|defined|supplied|provided|rotating|empty|null|printable)"
)
"""Descriptions of a password in two words: `read-only`, `base64-encoded`."""
_UNIT = r"(?:characters?|chars|signs|digits|letters|words|seconds?|minutes?|hours?|days?|weeks?|months?|years?|times)"
_WHERE = (
    r"(?:the |our |your |a )?(?:[a-z]{1,12} )?(?:vault|wizard|handbook|manager|store|safe|environment|wiki|keyring"
    r"|settings|document|configuration|ticket|readme)"
)
# All of it is looked at: behind a beginning as harmless as this, a secret may follow.
_TALK = re.compile(
    rf"(?i)(?:(?:set|stored|kept|lies|read|taken|comes|found|held|saved)? ?(?:in|from|by|on) {_WHERE}"
    r"|not (?:needed|required|used|set|known|stored|here|shown|changed|given|necessary)(?: here| yet| any ?more)?"
    rf"|(?:one|two|three|four|\d{{1,5}}) (?:per|for (?:each|every)) [a-z]{{1,12}}|\d{{1,3}} of \d{{1,3}}"
    rf"|(?:at least |at most |exactly )?\d{{1,4}} {_UNIT}(?: long| or more| at least| at most)?"
    rf"|(?:valid|good) (?:for|until) \d{{1,5}} {_UNIT}|(?:expires?|ends) (?:after|in) \d{{1,5}} ?(?:{_UNIT}|[smhd])"
    r"|(?:the )?same (?:as|for|on) (?:above|below|before|all|everywhere|(?:on )?[a-z]{1,10}\d{0,3})"
    r"|hashed with (?:bcrypt|scrypt|argon2id?|sha-?\d{1,3})"
    r"|(?:created|generated|made) by (?:hand|kubeadm|helm|the installer)"
    r"|(?:mounted|given|passed) as (?:files?|variables?|arguments?)(?:, mode 0\d{3})?"
    r"|[(\[](?:none|masked|redacted|hidden|not shown|empty|removed)[)\]])[.!]?"
)
"""Text of a comment after a secret's name that does not reveal the secret: `# tokens: 3 per node`."""
_TESTED = re.compile(
    r"(?i)(?<!\w)(?:tests?|checks?|cases?|suites?|assertions?|passed|succeeded|fail(?:ed|ures?)?)(?!\w)"
)
LONGEST_TALK = 200


def in_comments(text: str) -> Iterator[Span]:
    """Where secrets stand in the comments of a text."""
    if "#" not in text:
        return
    for match in _COLON.finditer(text):
        if name := _named_by(re.findall(r"[\w.-]+", match["words"])):
            end = text.find("\n", match.end())
            yield from _stripped(text, match.end(), len(text) if end < 0 else end, name)
    for comment in _COMMENT.finditer(text):
        for match in _SAID.finditer(comment[0]):
            if is_secret_key(match["key"]) and not is_weak_key(match["key"]) and _means_one(match):
                start = comment.start() + match.start("value")
                yield start, start + len(match["value"].rstrip(".,;:)]"))


def _named_by(words: list[str]) -> str:
    """Which of the words before a colon names a secret; none in `# token lifetime: 24h`, which is about one."""
    named = [at for at, word in enumerate(words) if is_secret_key(word) and not is_weak_key(word)]
    if named == [len(words) - 2] and not is_secret_key("-".join(words[-2:])):
        return ""
    return words[named[-1]] if named else ""


def tells_no_secret(value: str) -> bool:
    """Whether the text after a name gives only the location or kind of the secret: `# password: see below`."""
    return value[:4].lower() in ("see ", "ask ") or (
        len(value) <= LONGEST_TALK and _TALK.fullmatch(" ".join(value.split())) is not None
    )


def is_report(name: str, text: str) -> bool:
    """Whether it is what a test prints: `PASS: all tests`, `PASS: 3, FAIL: 0`."""
    if re.split(r"[^\w.-]", name)[-1] not in ("PASS", "PASSED"):
        return False
    value = re.split(r"[\n\"'`]", text[:LONGEST_TALK])[0].strip()
    if value.isdigit():
        return len(value) < 3
    words = [word for word in value.split() if not word.startswith(("test_", "tests/"))]
    return " " in value and _TESTED.search(value) is not None and not any(map(looks_random, words))


def _stripped(text: str, start: int, end: int, name: str) -> Iterator[Span]:
    value = text[start:end].partition(" #")[0].strip()
    start = text.find(value, start)
    if len(value) > 1 and value[0] in "\"'" and value[0] == value[-1]:
        value, start = value[1:-1], start + 1
    if not (tells_no_secret(value) or is_report(name, value) or is_open_value(name, value)):
        yield start, start + len(value)


def _means_one(match: re.Match[str]) -> bool:
    """Whether a word behind `password` is one: after a verb any word that ends the sentence, else only a random one."""
    word = match["value"].rstrip(".,;:)]")
    if is_open_value("", word) or word.startswith(("$", "(", "http://", "https://")) or _DESCRIBED.fullmatch(word):
        return False
    if looks_random(word):
        return match["verb"] is not None or any(map(str.isdigit, word))
    last = not match["after"].strip("\"'` \t") or match["value"] != word
    plain = word.lower() in _PLAIN or word.lower().endswith(("ed", "able", "ing", "ible"))
    return match["verb"] is not None and last and len(word) > 3 and not plain
