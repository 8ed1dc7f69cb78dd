"""Prompts: secrets that a script types at one (`send "x\\r"` of expect), and names that are nothing but a prompt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.config.secrets.names import is_open_value
from clusters.config.secrets.patterns import looks_random

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.secrets.patterns import Span

FARTHEST = 400
"""Characters before a word that is sent in which its prompt is sought."""
# No part gives back what it took (`++`): a text is read once.
_SENT = re.compile(
    r"(?<![\w-])(?:exp_)?send(?:line)?(?:[ \t]++--?\w*+)*+[ \t({]++(?:\\*\"(?P<a>(?:(?!\\{1,4}[rn\"])[^\"\n])++)"
    r"|\\*'(?P<b>(?:(?!\\{1,4}[rn'])[^'\n])++)|\{(?P<c>(?:(?!\\{1,4}[rn])[^{}\n])++)"
    r"|(?P<d>(?:(?!\\{1,4}[rn\"'])[^\s\"'{};)])++))"
)
_ASKS = re.compile(
    r"(?i)passwd|passcode|phrase|assw|word:|secret|token|credential|(?<![a-z])(?:pin|otp)(?![a-z])|verification code"
    r"|(?:vault|unlock|api|private|license) key"
)
_AGAIN = re.compile(r"(?i)again|re-?(?:type|enter|peat)|verify|confirm")

_PROMPT = re.compile(r"(?P<quote>[\"'])[^\"'\\\n]*+\\*(?P=quote)[ \t]*+(?:[){;|&]++(?=[\s\"']|$)|\n|$)")
"""A text in quotes that ends with the sign behind a name, and nothing follows on it: `expect "Token:" {`."""
LONGEST_PROMPT = 80
NEAR = 80
"""Characters before a text in which the command is sought that prints it."""
_STATE = re.compile(
    r"(?i)ok|okay|failed|failure|missing|(?:in)?valid|(?:not )?found|(?:un)?set|expired|wrong|empty|updated"
    r"|(?:un)?changed|rotated|created|present|absent|done|skipped"
)


def in_dialogs(text: str) -> Iterator[Span]:
    """Where they stand: behind a prompt that asks for a secret, and once more where the same is sent again."""
    if "send" not in text or ("expect" not in text and "spawn" not in text):
        return
    last, known, others = 0, set[str](), []
    for match in _SENT.finditer(text):
        which = match.lastgroup or "a"
        value, prompt = match[which], text[max(last, match.start() - FARTHEST) : match.start()]
        last = match.end()
        if is_open_value("", value) or value.startswith("$"):
            continue
        asked = _ASKS.search(prompt) is not None or (bool(known) and _AGAIN.search(prompt) is not None)
        # Where a prompt is only a colon, a word that no language has is one.
        if asked or (" " not in value and looks_random(value)):
            known.add(value)
            yield match.span(which)
        else:
            others.append(match)
    yield from (match.span(match.lastgroup or "a") for match in others if match[match.lastgroup or "a"] in known)


def ends_prompt(text: str, match: re.Match[str]) -> bool:
    """Whether the name is the end of a text in quotes, behind which no value is: `expect "Token:" {`."""
    quote = text.find(text[match.end() : match.end() + 1].lstrip("\\") or '"', match.end(), match.end() + 3)
    if quote < 0 or text[quote] not in "\"'":
        return False
    start = text.rfind(text[quote], max(0, match.start("key") - LONGEST_PROMPT), match.start("key"))
    if start >= 0 and _is_read(text, start):
        return True
    prompt = _PROMPT.match(text, start) if start >= 0 and text[match.end() - 1] == ":" else None
    return prompt is not None and prompt.start() < quote < prompt.end()


def _is_read(text: str, start: int) -> bool:
    """Whether the text in quotes that begins there is what `read -s -p` asks with; a variable follows."""
    words = text[max(0, start - NEAR) : start].rpartition("\n")[2].split()
    return "read" in words[:-1] and words[-1].startswith("-") and words[-1].endswith("p")


def reports_state(text: str, match: re.Match[str], span: Span) -> bool:
    """Whether a script prints what is the case with a secret: `echo "token: ok"`."""
    before = text[max(0, match.start("key") - NEAR) : match.start("key")].rpartition("\n")[2]
    return match["sign"] == ":" and prints_state(before, text[slice(*span)])


def prints_state(before: str, value: str) -> bool:
    """Whether a value is a state that a script prints behind what is before it."""
    return ("echo " in before or "printf " in before) and _STATE.fullmatch(value.rstrip("\"'.!\\")) is not None
