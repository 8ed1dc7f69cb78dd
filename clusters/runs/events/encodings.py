"""Encodings: how programs write a secret: quoted, escaped, in Base64, twice in Base64, in hexadecimal."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST_FORM = 8
"""Characters. Shorter forms would match harmless text."""
PIECE = 48
"""Characters of the pieces in which the Base64 of a multi-line text is searched: programs may print only a part."""
_GO = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def forms(text: str) -> set[str]:
    """The secret itself and in every encoding; with several lines, each line separately, and the whole in pieces."""
    found: set[str] = set()
    lines = text.splitlines()
    for line in (line.strip() for line in lines):
        if len(lines) > 1 and (len(line) < SHORTEST_FORM or line.startswith("-----")):
            continue
        found |= {line, *quoted(line), *coded(line.encode("utf-8", "replace"))}
    if len(lines) > 1:
        for whole in {text, text + "\n", "\n".join(lines), "\n".join(lines) + "\n"}:
            found.update(_in_pieces(whole.encode("utf-8", "replace")))
        found.add(json.dumps(text)[1:-1])
    return {form for form in found if len(form) >= SHORTEST_FORM}


def quoted(line: str) -> Iterator[str]:
    """As shells, URLs, JSON, Go, YAML, HTML and Python write it between quotes."""
    yield shlex.quote(line)
    yield shlex.quote(line)[1:-1] if shlex.quote(line) != line else line
    yield line.replace("'", "'\\''")
    yield re.sub(r"([\"\\$`])", r"\\\1", line)
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", line)
    for url in (quote(line), quote(line, safe=""), quote_plus(line)):
        yield url
        yield re.sub(r"%[0-9A-F]{2}", lambda code: code.group().lower(), url)
    for text in (json.dumps(line)[1:-1], json.dumps(line, ensure_ascii=False)[1:-1]):
        yield text
        yield text.translate(_GO)
        yield json.dumps(text)[1:-1]
        yield text.replace("/", "\\/")
    yield repr(line)[1:-1]
    yield line.replace("'", "''")
    yield "".join(map(_in_yaml, line))
    yield from _in_html(line)


def _in_yaml(letter: str) -> str:
    """A character between double quotes, as PyYAML writes it. Source: its Emitter.write_double_quoted."""
    if letter in '"\\':
        return f"\\{letter}"
    code = ord(letter)
    if " " <= letter <= "~":
        return letter
    return f"\\x{code:02X}" if code <= 0xFF else f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _in_html(line: str) -> Iterator[str]:
    whole = html.escape(line)
    yield html.escape(line, quote=False)
    for single in ("&#x27;", "&#39;", "&apos;", "'"):
        for double in ("&quot;", "&#34;", "&#x22;"):
            yield whole.replace("&#x27;", single).replace("&quot;", double)
    yield "".join(each if each.isascii() and each.isalnum() else f"&#{ord(each)};" for each in line)


def coded(raw: bytes) -> Iterator[str]:
    """In Base64 at any place of a longer text (`user:password`), in Base64 of that, and in hexadecimal."""
    for inner in {*_in_base64(raw)}:
        yield inner
        if len(inner) >= SHORTEST_FORM:
            yield from _in_base64(inner.encode())
    pairs = [f"{byte:02x}" for byte in raw]
    for between in ("", ":", " ", "\\x", " 0x", ", 0x", "%"):
        yield between.join(pairs)
        yield between.join(pair.upper() for pair in pairs)
    for shift in (0, 1):  # in words of two bytes, like xxd
        words = [*([pairs[0]] if shift else []), *("".join(pairs[at : at + 2]) for at in range(shift, len(pairs), 2))]
        yield " ".join(words)


def _in_base64(raw: bytes) -> Iterator[str]:
    """The whole, and the part that is the same at any place of a longer text."""
    for text in (base64.b64encode(raw).decode(), base64.b64encode(raw + b"\n").decode()):
        yield text.rstrip("=")
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        core = text[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6]
        yield core
        yield core.replace("+", "-").replace("/", "_")


def _in_pieces(raw: bytes) -> Iterator[str]:
    once = base64.b64encode(raw)
    for text in (once.decode(), base64.b64encode(once).decode(), raw.hex()):
        text = text.rstrip("=")
        yield from (text[start : start + PIECE] for start in range(0, len(text), PIECE))
