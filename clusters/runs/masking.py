"""Masks: every known secret, in every form in which it may turn up in output, becomes a mask."""

from __future__ import annotations

import base64
import json
import re
import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from pydantic import BaseModel

from clusters.config.secret import MASK, Secret
from clusters.config.secretkeys import is_secret_key
from clusters.plaintext import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Below this a secret is masked only where it stands alone: "a" masked everywhere would leave no log.
SHORTEST_ANYWHERE = 4
# Derived forms shorter than this would hit innocent text.
SHORTEST_DERIVED = 8
# base64(1) wraps at 76, PEM at 64.
WRAPS = (64, 76)

SECRET_IN_KUBECONFIG = re.compile(r"(?:client-key-data|token|password):\s*[\"']?([^\s\"']+)")


class Masks:
    """The known secrets of a run. Adding is safe while another thread masks."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._forms: tuple[str, ...] = ()
        self._alone: tuple[re.Pattern[str], ...] = ()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        """Mask this one too from now on."""
        text = secret.reveal()
        # What is kept of a machine's words has no control codes, so a secret with one turns up without it.
        for form in {text.strip(), plain_text(text).strip()}:
            self._add(form)

    def _add(self, text: str) -> None:
        if 0 < len(text) < SHORTEST_ANYWHERE:
            self._alone = (*self._alone, re.compile(rf"(?<!\w){re.escape(text)}(?!\w)"))
            return
        # The longest first, so that no rest of a longer form stays behind.
        self._forms = tuple(sorted({*self._forms, *forms(text)}, key=lambda form: (-len(form), form)))

    def text(self, text: str) -> str:
        """The text without any secret."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        for pattern in self._alone:
            text = pattern.sub(MASK, text)
        return text

    def lines(self, lines: list[str]) -> list[str]:
        """Many lines at once, none of which holds a line break: one search for each secret, not one for each line."""
        return self.text("\n".join(lines)).split("\n") if lines else []

    def value(self, value: Any) -> Any:
        """Plain JSON data with every text in it masked."""
        # Hardly anything holds a secret: one search tells so for all its texts, which have no NUL between them.
        texts: list[str] = []
        if _collect(value, texts) and self.text(whole := "\0".join(texts)) == whole:
            return value
        return self._masked(value)

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key) if isinstance(key, str) else key: self._masked(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._masked(item) for item in value]
        return value


def _collect(value: Any, texts: list[str]) -> bool:
    """Every text in the value; false when it has to be made anew anyway, since it is no plain JSON yet."""
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not _collect(item, texts):
                return False
            texts.append(key)
    elif isinstance(value, list):
        return all(_collect(item, texts) for item in value)
    return not isinstance(value, tuple | set | frozenset)


def forms(text: str) -> set[str]:
    """The secret as it is, and as shells, URLs, JSON and base64 write it; of several lines, each line for itself."""
    found: set[str] = set()
    lines = text.splitlines()
    for line in (line.strip() for line in lines):
        if len(lines) > 1 and (len(line) < SHORTEST_DERIVED or line.startswith("-----")):
            continue
        found |= {line, *_quoted(line)}
        found |= {form for form in _base64(line) if len(form) >= SHORTEST_DERIVED}
    if len(lines) > 1:
        for whole in (text, text + "\n", "\n".join(lines), "\n".join(lines) + "\n"):
            found |= {form for form in _wrapped(whole) if len(form) >= SHORTEST_DERIVED}
    return {form for form in found if len(form) >= SHORTEST_ANYWHERE}


def _quoted(line: str) -> Iterator[str]:
    yield shlex.quote(line)
    yield shlex.quote(line)[1:-1] if shlex.quote(line) != line else line
    yield line.replace("'", "'\\''")
    yield re.sub(r"([\"\\$`])", r"\\\1", line)
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", line)
    for url in (quote(line), quote(line, safe=""), quote_plus(line)):
        yield url
        yield re.sub(r"%[0-9A-F]{2}", lambda code: code.group().lower(), url)
    yield json.dumps(line)[1:-1]
    yield json.dumps(line, ensure_ascii=False)[1:-1]
    yield repr(line)[1:-1]


def _base64(line: str) -> Iterator[str]:
    """The whole, and the part that stays the same wherever in a longer text (`user:password`) the secret stands."""
    raw = line.encode("utf-8", "replace")
    for text in (base64.b64encode(raw).decode(), base64.b64encode(raw + b"\n").decode()):
        yield text.rstrip("=")
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        start = (shift * 8 + 5) // 6
        whole = (shift + len(raw)) * 8 // 6
        yield coded[start:whole]
        yield coded[start:whole].replace("+", "-").replace("/", "_")


def _wrapped(whole: str) -> Iterator[str]:
    coded = base64.b64encode(whole.encode("utf-8", "replace")).decode().rstrip("=")
    yield coded
    for width in WRAPS:
        yield from (coded[start : start + width] for start in range(0, len(coded), width))


def secrets_in(value: Any, key: str = "") -> Iterator[Secret]:
    """Every secret of a document: Secret fields, and whatever lies under an unknown key that sounds like a secret."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name))
        yield from secrets_in(value.model_extra or {})
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from secrets_in(item, str(name) if is_secret_key(str(name)) else key)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item, key)
    elif key and isinstance(value, str | int) and not isinstance(value, bool):
        yield Secret(str(value))


def secrets_in_kubeconfig(text: str) -> Iterator[Secret]:
    """The keys and tokens in a kubeconfig; the rest of it is no secret and stands in many logs."""
    for found in SECRET_IN_KUBECONFIG.findall(text):
        yield Secret(found)
