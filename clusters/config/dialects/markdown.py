"""Finds the code blocks of a document inside a Markdown page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from clusters.config.dialects.file_parts import KUBESPHERE_KINDS

BYTE_ORDER_MARK = "\ufeff"

_FENCE = re.compile(r"[ \t]*(?:[-*+] +|\d{1,9}[.)] +)?(`{3,}|~{3,})[^`]*")
_TOP_KEY = re.compile(r"(apiVersion|kind|metadata|spec):")
_START = re.compile(r"([ \t]*)(apiVersion|kind):")
_VALUE = re.compile(r"(apiVersion|kind):[ \t]*[\"']?([^\s\"'#]+)")
_HERE_DOCUMENT = re.compile(r"<<-?[ \t]*[\"']?(\w+)")
_NEXT = ("---", "...")
_CODE = ("    ", "\t")
_GROUP = "kubekey.kubesphere.io/"
MOST_NAMED = 20
"""Other documents of a page that are named; a page of more is not a page about one cluster."""


@dataclass(frozen=True, slots=True)
class Part:
    """A YAML document in a block: its lines from `first` to before `end`, and the indentation of all of them."""

    block: int
    first: int
    end: int
    indent: str
    kind: str
    is_kubekeys: bool


@dataclass(frozen=True, slots=True)
class Extract:
    """The document in a text. `text` has as many lines as the text; lines of the page are empty.

    `above` and `end` are the numbers of lines above the document and up to its end, `indents` (first line, last line,
    columns) are blocks that were indented, and `others` (line, kind) are the page's documents that are not part of it.
    """

    text: str = field(repr=False)
    above: int = 0
    end: int = 0
    indents: tuple[tuple[int, int, int], ...] = ()
    others: tuple[tuple[int, str], ...] = ()


@lru_cache(maxsize=4)
def extract(text: str) -> Extract:
    """The document in a text: of a Markdown page, the first Cluster, or the first Inventory and the first Config.

    A text that starts with keys of a document is a document itself, regardless of what follows. A page without a
    document of KubeKey yields its first block that looks like a document, or its first block.
    """
    lines = text.split("\n")
    blocks = _blocks(lines)
    if not blocks:
        return Extract(text)
    parts = [part for number, block in enumerate(blocks) for part in _parts(lines, number, block)]
    chosen = _chosen(parts)
    if not chosen:
        fenced = [block for block in blocks if block[0] and _FENCE.match(lines[block[0] - 1])]
        if not fenced:
            return Extract(text)
        first, end = next((block for block in fenced if _looks_like_document(lines, block)), fenced[0])
        chosen = [Part(-1, first, end, "", "", is_kubekeys=False)]
    written = [""] * len(lines)
    indents = []
    for number, part in enumerate(chosen):
        if number and part.first and not lines[part.first].startswith("---"):
            written[part.first - 1] = "---"
        for place in range(part.first, part.end):
            written[place] = lines[place].removeprefix(part.indent) if part.indent else lines[place]
        if part.indent:
            indents.append((part.first + 1, part.end, len(part.indent)))
    used = {part.first for part in chosen}
    others = [(part.first + 1, part.kind) for part in parts if part.first not in used and _is_of_interest(part)]
    return Extract("\n".join(written), chosen[0].first, chosen[-1].end, tuple(indents), tuple(others[:MOST_NAMED]))


def without_fence(text: str) -> str:
    """The contents of a Markdown page's code blocks; other lines are emptied, so that line numbers do not change."""
    return extract(text).text


def source_of(text: str) -> str:
    """The YAML text without a byte order mark; for a Markdown page, only the document's code blocks."""
    text = text.removeprefix(BYTE_ORDER_MARK)
    found = extract(text)
    if found.text == text:
        return text
    return "\n".join(found.text.split("\n")[found.above : found.end]) + "\n"


def lines_above(text: str) -> int:
    """The number of lines of a page above its document."""
    return extract(text.removeprefix(BYTE_ORDER_MARK)).above


def _blocks(lines: list[str]) -> list[tuple[int, int]]:
    """The first line of each code block and the line after it; none if the text is a document itself."""
    found: list[tuple[int, int]] = []
    opened, fence, is_page, number = -1, "", False, 0
    while number < len(lines):
        line = lines[number]
        match = _FENCE.fullmatch(line.rstrip("\r"))
        if opened >= 0:
            closes = match is not None and line.strip().startswith(fence) and not line.strip().strip(fence[0])
            if closes:
                found.append((opened, number))
                opened = -1
        elif match:
            opened, fence, is_page = number + 1, match[1], True
        elif _TOP_KEY.match(line):
            return found
        elif is_page and line.startswith(_CODE) and not lines[number - 1].strip():
            end = _end_of_code(lines, number)
            found.append((number, end))
            number = end
            continue
        elif line.strip() and not line.startswith(("#", " ", "\t", "---", "%")):
            is_page = True
        number += 1
    if opened >= 0:
        found.append((opened, len(lines)))
    return found


def _end_of_code(lines: list[str], number: int) -> int:
    """The line after an indented code block."""
    end = number
    while number < len(lines) and (lines[number].startswith(_CODE) or not lines[number].strip()):
        number += 1
        if lines[number - 1].strip():
            end = number
    return end


def _parts(lines: list[str], block: int, limits: tuple[int, int]) -> list[Part]:
    """The YAML documents of a block, each from its header on, without the shell's lines around it."""
    first, last = limits
    start, found = first, []
    for number in range(first, last + 1):
        if number == last or lines[number].strip() in _NEXT or _begins_here_document(lines[number]):
            part = _part(lines, block, start, number)
            if part is not None:
                found.append(part)
            start = number if number < last and _begins_here_document(lines[number]) else number + 1
    return found


def _begins_here_document(line: str) -> bool:
    """Whether a shell reads the next lines as a file; not in a script of the document, which is indented."""
    return not line.startswith((" ", "\t")) and _HERE_DOCUMENT.search(line) is not None


def _part(lines: list[str], block: int, first: int, end: int) -> Part | None:
    """The document between two lines, if it has a header."""
    start = next((number for number in range(first, end) if _START.match(lines[number])), None)
    if start is None:
        follows = first > 0 and lines[first - 1].strip() in _NEXT
        has_content = follows and any(line.strip()[:1] not in ("", "#") for line in lines[first:end])
        return Part(block, first, end, "", "", is_kubekeys=False) if has_content else None
    match = _START.match(lines[start])
    indent = match[1] if match else ""
    word = next((found[1] for line in reversed(lines[first:start]) if (found := _HERE_DOCUMENT.search(line))), None)
    end = next((number for number in range(start, end) if lines[number].strip() == word), end) if word else end
    end = next((number for number in range(start, end) if lines[number].startswith(f"{indent}$ ")), end)
    values: dict[str, str] = {}
    for line in lines[start:end]:
        if line.startswith(indent) and (value := _VALUE.match(line, len(indent))):
            values.setdefault(value[1], value[2])
    version, kind = values.get("apiVersion", ""), values.get("kind", "")
    if all(line.strip()[:1] in ("", "#") for line in lines[first:start]):
        start = first  # comments above the header belong to the document
    return Part(block, start, end, indent, kind, is_kubekeys=version.startswith(_GROUP) or not version)


def _is_of_interest(part: Part) -> bool:
    return bool(part.kind) and (part.is_kubekeys or part.kind in KUBESPHERE_KINDS[:1])


def _chosen(parts: list[Part]) -> list[Part]:
    """The parts of the document: the first Cluster with what follows it in its block, or an Inventory and a Config."""
    of_kubekey = [part for part in parts if part.is_kubekeys and part.kind in ("Cluster", "Inventory", "Config")]
    if not of_kubekey:
        return []
    main = of_kubekey[0]
    # What follows it in its block is part of the file, such as KubeSphere's document.
    chosen = [part for part in parts if part.block == main.block and part.first >= main.first]
    kinds = {part.kind for part in chosen}
    for kind in ("Inventory", "Config"):
        if main.kind != "Cluster" and kind not in kinds:
            chosen += [part for part in of_kubekey if part.kind == kind][:1]
    return sorted(chosen, key=lambda part: part.first)


def _looks_like_document(lines: list[str], block: tuple[int, int]) -> bool:
    return any(_TOP_KEY.match(lines[number].strip()) for number in range(*block))
