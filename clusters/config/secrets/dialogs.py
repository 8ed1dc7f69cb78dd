"""Secrets that a script types at a prompt: `send "x\\r"` of expect, `sendline("x")` of pexpect."""

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
