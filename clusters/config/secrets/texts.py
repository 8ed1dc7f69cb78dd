"""Where secrets stand in a text: by names, by looks, on command lines, in comments, and in YAML or JSON within it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from clusters.config.secrets.commands import from_heredoc, in_commands
from clusters.config.secrets.dialogs import ends_prompt, in_dialogs, prints_state, reports_state
from clusters.config.secrets.formats import in_files
from clusters.config.secrets.names import is_open_value, is_secret_key, is_weak_key
from clusters.config.secrets.patterns import NEAR, before_host, by_looks, is_host
from clusters.config.secrets.sentences import LONGEST_TALK, in_comments, is_report, tells_no_secret
from clusters.config.secrets.shell_variables import LONGEST_OPEN, given_in_shell, is_array
from clusters.config.secrets.walk import SHELL_KEYS, walked
from clusters.config.yaml.nodes import overridden
from clusters.config.yaml.tree import Limits, Mapping, Scalar, Sequence, compose
from clusters.config.yaml.written import inner_span, lines_of_block, moved
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.config.secrets.patterns import Span
    from clusters.config.secrets.walk import Spans
    from clusters.config.yaml.tree import Node

DEEPEST = 4
"""Texts in texts that are read as YAML."""
EMBEDDED = Limits(characters=1_000_000, depth=40, values=100_000, aliases=1_000, repeats=True)
_COMPUTED = ("$(", "${", "{{", "`", ".*")
"""The start of a value that a shell or a template computes, or of a pattern for a value."""
_NAMING = ("name", "key")

# No part gives back what it took (`++`), and a search goes on behind the value that was found: a text is read once.
_FIRST = r"(?P<first>^[ \t]*+(?:#+[ \t]*+)?(?:-[ \t]++)?(?:export[ \t]++)?)?+"
_NAMED = re.compile(
    rf"{_FIRST}(?<![\w.-])(?P<key>[\w.-]++)(?:\[\d*+\])*+\\*+[\"']?[ \t]*+(?P<sign>:|\+?=)[ \t]*+",
    re.M,
)
_OPTION = re.compile(r"(?<![\w.-])--?(?P<key>\w[\w.-]*+)[ \t]++(?=[^\s-])")
_QUOTED = re.compile(r"\"(?P<a>(?:[^\"\\\n]|\\.)*+)\"|'(?P<b>[^'\n]*+)'|\\+[\"'](?P<c>[^\"'\\\n]*+)\\+[\"']")
_WORD = re.compile(r"(?:[^\s,;\"']|[,;](?![\w.-]++[=:]|[\w.-]++ [\w.-]++=))++")
_SHELL_WORD = re.compile(r"(?:[^\s,\"'`;|&<>()]|,(?![\w.-]++=))++")
_REST = re.compile(r"[^\n]++")
_WHOLE = re.compile(r"-{0,2}(?P<key>[\w.-]++)=(?P<value>.+)")
_NEXT_SET = re.compile(r",[\w.-]++=")
_HEREDOC = re.compile(r"<<-?[ \t]*+[\"']?(?P<end>[A-Za-z_]\w*+)")
_LAST_COMMAND = re.compile(r"[|;&<]")
_END_OF_PIPELINE = re.compile(r"\|\||&&|;")
_HEAD_OF_BLOCK = re.compile(r"[|>][-+\d]{0,2}")
_HEAD_OF_MAPPING = re.compile(r"\{[ \t]*+[\"']?[\w.-]++[\"']?:[ \t]")
_BETWEEN = re.compile(r"(?P<quote>[\"'])[ \t]*+[,:+][ \t]*+(?=(?P=quote))")
"""What stands between two texts in quotes: `print("password:", "x")`, `{"password:": "x"}`."""
_CALL = re.compile(r"(?i)(?:old_)?+password[ \t]*+\([ \t]*+(?=\\*+[\"'])")
"""The function of SQL around a value: `SET PASSWORD = PASSWORD('x')`."""
_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|apikey)[ \t]++(?P<value>\S++)")


def places(text: str, *, in_shell: bool = False) -> list[Span]:
    """Where secrets stand in a text, in order, none of them in another. `in_shell`: a shell reads the text."""
    return apart(_places(text, in_shell))


def places_in_value(text: str, key: str = "") -> list[Span]:
    """The same for the value of this key, which may contain embedded YAML or JSON; logs are not parsed for that."""
    if is_host(key, text):
        return []
    found = _places(text, key in SHELL_KEYS)
    if key.lower().endswith("authorization") and (match := _SCHEME.fullmatch(text)) is not None:
        found.append(match.span("value"))
    return apart([*found, *before_host(key, text), *_embedded(text, key, DEEPEST)])


def _places(text: str, in_shell: bool) -> list[Span]:
    found = [*by_looks(text), *in_files(text)]
    found += _whole(text) if not in_shell and "\n" not in text else []
    found += in_comments(text)
    found += in_commands(text)
    found += in_dialogs(text)
    found += _heredocs(text)
    found += _options(text, in_shell=in_shell)
    found += _named(text, in_shell=in_shell)
    return found


def _whole(text: str) -> Iterator[Span]:
    """`name=value` as an argument or a value of Helm's: blanks and quotes in it belong to it."""
    match = _WHOLE.fullmatch(text)
    if (
        match is not None
        and is_secret_key(match["key"])
        and not is_array(match["value"])
        and not is_open_value(match["key"], match["value"].strip("\"'"))
    ):
        following = _NEXT_SET.search(text, match.start("value"))
        yield match.start("value"), following.start() if following is not None else len(text)


def _options(text: str, *, in_shell: bool) -> Iterator[Span]:
    """`--password x`, `-token x`."""
    place = 0
    while "-" in text and (match := _OPTION.search(text, place)) is not None:
        place = match.end()
        if is_secret_key(match["key"]) and not is_weak_key(match["key"]):
            if text.startswith(("<<<", "<("), place):
                continue
            span = _value(text, place, to_end=False, in_shell=in_shell)
            place = max(place, span[1])
            # As openssl writes it: `-passin pass:x`, where `env:` and `file:` give the location of a password.
            how, _, rest = text[slice(*span)].partition(":")
            span = (span[0] + 5, span[1]) if how == "pass" and rest else span
            if how not in ("env", "file", "fd", "stdin") and not is_open_value(match["key"], text[slice(*span)]):
                yield span


def _named(text: str, *, in_shell: bool) -> Iterator[Span]:
    """`name=value` and `name: value`. One at the beginning of a line has the rest of it, unless a shell reads it.

    In `{name: DB_PASSWORD, value: x}` the value counts by the name before it, or behind it.
    """
    place, pending, orphan = 0, "", (0, 0)
    while (match := _NAMED.search(text, place)) is not None:
        place, key = match.end(), match["key"]
        if match["sign"] == ":" and key in _NAMING:
            pending = _word_at(text, place)
            if is_secret_key(pending) and orphan[1] and text.count("\n", orphan[1], place) < 2:
                yield orphan
            orphan = (0, 0)
            continue
        if match["sign"] == ":" and key == "value":
            span = _value(text, place, to_end=_has_rest(match, text, in_shell), in_shell=in_shell)
            counts = bool(pending) and not is_open_value(pending, text[slice(*span)])
            if counts and is_secret_key(pending):
                yield from _of_block(text, place, span)
            orphan, pending = ((0, 0) if pending else span), ""
            continue
        if is_secret_key(key) and not key.lower().endswith("authorization"):
            for span in _of_name(text, match, in_shell):
                yield span
                place = max(place, span[1])


def _of_name(text: str, match: re.Match[str], in_shell: bool) -> Iterator[Span]:
    """The value behind one name."""
    key, place = match["key"], match.end()
    to_end = _has_rest(match, text, in_shell)
    # In a sentence `salt: a pinch` is none; at the beginning of a line, or in braces, a name is meant.
    if is_weak_key(key) and match["sign"] == ":" and match["first"] is None and text[match.start() - 1] not in "{,\"'":
        return
    if match["sign"] == ":" and ends_prompt(text, match):
        return
    between = _BETWEEN.match(text, place)
    place = between.end() if between is not None else place
    call = _CALL.match(text, place)
    place = call.end() if call is not None else place
    if (given := given_in_shell(text, match, place)) is not None:
        yield from given
        return
    if _is_computed(text, match.start("key"), place):
        return
    span = _value(text, place, to_end=to_end, in_shell=in_shell)
    span = _narrowed(text, match.start("key"), span)
    if (
        text.startswith(_COMPUTED, span[0])
        or _HEAD_OF_MAPPING.match(text, span[0])
        or (match["sign"] == ":" and is_report(key, text[place : place + NEAR]))
        or reports_state(text, match, span)
        or _in_talk(text, match, span)
    ):
        return
    if to_end and match["sign"] == ":" and not is_weak_key(key) and _HEAD_OF_BLOCK.fullmatch(text[slice(*span)]):
        yield from _of_block(text, place, span)
    elif span[1] > span[0] and (span[1] - span[0] > LONGEST_OPEN or not is_open_value(key, text[slice(*span)])):
        yield span


def _is_computed(text: str, key: int, place: int) -> bool:
    """Whether a value is one that a shell puts there; of `${PASSWORD:-$X}` it is what is behind the sign.

    What is in it is sought for itself, so it is not read to its end, and once more for each name within.
    """
    if text[max(0, key - 2) : key] == "${" and text[place : place + 1] in ("-", "=", "?"):
        return text.startswith(_COMPUTED, place + 1)
    return text.startswith(_COMPUTED, place + text.startswith(('"', "'"), place))


def _in_talk(text: str, match: re.Match[str], span: Span) -> bool:
    """Whether it is a comment about the secret and not the secret itself."""
    start = max(0, match.start() - NEAR)
    if "#" not in text[start : match.start("key")].rpartition("\n")[2]:
        return False
    end = text.find("\n", span[0], span[0] + LONGEST_TALK)
    if end < 0 and len(text) - span[0] > LONGEST_TALK:
        return tells_no_secret(text[span[0] : span[0] + LONGEST_TALK + 1])
    return tells_no_secret(text[span[0] : end if end >= 0 else len(text)].partition(" #")[0].strip())


def _narrowed(text: str, key: int, span: Span) -> Span:
    """A value without what is around it in a URL, in a pattern of sed's, and in `${PASSWORD:-x}`."""
    start, end = span
    before = text[max(0, key - 3) : key]
    if before.endswith("${") and text[start : start + 1] in ("-", "=", "?"):
        return (start, start) if text[start] == "?" else (start + 1, max(start + 1, end))
    sign = "&" if before[-1:] in ("?", "&") else before[2:] if before[:2] == ".*" and not before[2:].isalnum() else ""
    stop = text.find(sign, start, end) if sign else -1
    return start, stop if stop >= 0 else end


def _of_block(text: str, place: int, span: Span) -> Iterator[Span]:
    """A value; of one that is written as a block (`password: |`), the lines below it that are indented further."""
    if _HEAD_OF_BLOCK.fullmatch(text[slice(*span)]) is None:
        yield span
        return
    start = text.rfind("\n", 0, place) + 1
    indent = _indent(text[start:place])
    first = last = text.find("\n", place) + 1
    end = 0
    while first and last < len(text):
        stop = text.find("\n", last)
        stop = len(text) if stop < 0 else stop
        line = text[last:stop]
        if line.strip():
            if _indent(line) <= indent:
                break
            first = last + _indent(line) if not end else first
            end = stop
        last = stop + 1
    if end:
        yield first, end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _has_rest(match: re.Match[str], text: str, in_shell: bool) -> bool:
    first = match["first"]
    in_line = first is not None and (match["sign"] == ":" or not in_shell) and "\n" in text
    return in_line or (first or "").lstrip().startswith("#")


def _word_at(text: str, place: int) -> str:
    start, end = _value(text, place, to_end=False, in_shell=False)
    return text[start : min(end, start + 200)]


def _value(text: str, start: int, *, to_end: bool, in_shell: bool) -> Span:
    """Where the value that begins there lies: within its quotes, or to the end of the word or of the line."""
    quoted = _QUOTED.match(text, start)
    if quoted is not None:
        return quoted.span(quoted.lastgroup or 0)
    if text[start : start + 1] in ('"', "'"):
        start, to_end = start + 1, True
    match = (_REST if to_end else _SHELL_WORD if in_shell else _WORD).match(text, start)
    if match is None:
        return start, start
    value = match[0].partition(" #")[0].rstrip() if to_end else match[0].rstrip(",;}])")
    return start, start + len(value)


def _heredocs(text: str) -> Iterator[Span]:
    """Secrets in here documents, which are files with a separate syntax."""
    place = 0
    while "<<" in text and (match := _HEREDOC.search(text, place)) is not None:
        first = text.rfind("\n", 0, match.start()) + 1
        before = _LAST_COMMAND.split(text[first : match.start()])[-1]
        body = place = end = text.find("\n", match.end()) + 1
        if not body:
            return
        while end < len(text):
            stop = text.find("\n", end)
            stop = len(text) if stop < 0 else stop
            if text[end:stop].strip() == match["end"]:
                break
            end = stop + 1
        place = min(max(end, place), len(text))
        inside = text[body:place]
        # `cat <<E | chpasswd`: what the pipeline goes on with reads it, too.
        pipeline = _END_OF_PIPELINE.split(text[match.end() : body], maxsplit=1)[0]
        heads = [before, *pipeline.split("|")[1:]]
        found = [*from_heredoc(text[first:body], heads, inside), *_embedded(inside, "", 1)]
        yield from ((body + start, body + stop) for start, stop in found)


class Placed(str):
    """A value of YAML within a text, with its place."""

    scalar: Scalar


def _embedded(text: str, key: str, depth: int) -> Iterator[Span]:
    """Secrets of YAML or JSON within a text, as far as it can be read; else its lines have to do."""
    looks_so = ("\n" in text and ":" in text) or text.lstrip()[:1] in ("{", "[")
    if depth <= 0 or key in SHELL_KEYS or not looks_so or len(text) < 8:
        return
    try:
        nodes = compose(text, EMBEDDED)
    except (ConfigError, RecursionError):
        return
    found: list[Span] = []

    def leaf(value: Any, name: str, more: Spans) -> Any:
        if isinstance(value, Placed):
            found.extend(_spans_of(text, value.scalar, name, more, depth))
        return value

    for node in (*nodes, *overridden(nodes)):
        if not isinstance(node, Scalar):
            walked(placed(node, {}), leaf)
    yield from found


def placed(node: Node, known: dict[int, Any]) -> Any:
    """A tree as plain data whose values know their places; an alias is the same data again."""
    if id(node) in known:
        return known[id(node)]
    value: Any
    if isinstance(node, Scalar):
        if node.tag == "null":
            return None
        value = Placed(node.text)
        value.scalar = node
    elif isinstance(node, Sequence):
        value = [placed(each, known) for each in node.items]
    elif isinstance(node, Mapping):
        value = {_placed_name(mark, name): placed(inner, known) for name, (mark, inner) in node.pairs.items()}
    known[id(node)] = value
    return value


def _placed_name(mark: Scalar, name: str) -> str:
    """A key, which knows its place if it may contain a login."""
    if "@" not in name:
        return name
    key = Placed(name)
    key.scalar = mark
    return key


def _spans_of(text: str, scalar: Scalar, name: str, more: Spans, depth: int) -> list[Span]:
    """Where in the text the secrets of one value of it stand."""
    raw = text[scalar.start : scalar.end]
    start, end = inner_span(raw)
    whole = [(scalar.start + start, scalar.start + end)]
    if is_secret_key(name):
        is_open = is_open_value(name, scalar.text) or is_report(name, scalar.text) or prints_state(name, scalar.text)
        return [] if is_open else whole
    inner = scalar.text
    there = [] if is_host(name, inner) else _places(inner, name in SHELL_KEYS)
    spans = apart([*more, *there, *before_host(name, inner), *_embedded(inner, name, depth - 1)])
    if not spans:
        return []
    places = lines_of_block(raw, inner) if raw[:1] == "|" else None
    if places is not None:
        return [(scalar.start + moved(places, first), scalar.start + moved(places, last)) for first, last in spans]
    if raw[start:end] == inner:
        return [(scalar.start + start + first, scalar.start + start + last) for first, last in spans]
    # Escaped, or folded: what cannot be found again as it is hides the whole value.
    kept = []
    for first, last in spans:
        at = raw.find(inner[first:last])
        if at < 0:
            return whole
        kept.append((scalar.start + at, scalar.start + at + last - first))
    return kept


def apart(found: Iterable[Span]) -> list[Span]:
    """Spans in order, those that overlap as one: no rest of a longer one stays behind."""
    merged: list[Span] = []
    for start, end in sorted(span for span in found if span[1] > span[0]):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
