"""Where secrets are: the one finder, for any tree and any text, of editor, exports, masks of logs and bundles.

It finds what is a `Secret`, what lies under a name that sounds like a secret, and in texts (arguments, scripts, values
of addons, comments, kubeconfigs): `name=value`, `name: value`, `--name value`, passwords in URLs, private keys,
headers, and tokens that are known by their looks.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from clusters.config.secret import MASK, Secret
from clusters.config.secret_names import is_harmless_key, is_secret_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Span = tuple[int, int]
"""Where a secret begins in a text, and where it ends."""

SHELL_KEYS = ("bash", "command", "script")
"""Keys whose text a shell reads, so that a value ends where the shell ends a word."""
_COMPUTED = ("$(", "${", "{{")
"""So begins what a shell or a template puts in the place of a value."""
_NAMES_OF_SECRETS = ("credential", "agentKey")
"""Keys of a login in the schema, behind which stands what a secret is called that lies elsewhere."""
_LEFT_OUT: Any = object()

# No part gives back what it took (`++`), and a search goes on behind the value that was found: a text is read once.
_FIRST = r"(?P<first>^[ \t]*+(?:#+[ \t]*+)?(?:-[ \t]++)?(?:export[ \t]++)?)?+"
_NAMED = re.compile(
    rf"{_FIRST}(?<![\w.-])(?P<key>[\w.-]++)\\*+[\"']?[ \t]*+(?P<sign>[:=])[ \t]*+",
    re.M,
)
_IN_COMMENT = re.compile(r"(?<!#)#++(?P<words>[^\n:=#]*+)[:=][ \t]*+")
_OPTION = re.compile(r"(?<![\w.-])--(?P<key>\w[\w.-]*+)[ \t]++(?=[^\s-])")
_LOGIN = re.compile(r"(?<![\w-])(?:-u|--(?:proxy-)?user)[ =][ \t]*+[\"']?[^\s:\"']++:(?P<value>[^\s\"']++)")
_HEADER = re.compile(r"(?i)authorization[\"']?[ \t]*+[:=][ \t]*+[\"']?(?:\w++[ \t]++)?(?P<value>[^\s\"']++)")
_IN_URL = re.compile(r"://[^/\s:@\"']*+:(?P<value>[^/\s\"']+)@")
_MAYBE = re.compile(r"[:=]|--|-u|.{22}")
"""Most values are names and addresses, which hold none of this."""
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S)
_SHAPES = re.compile(
    r"(?<![\w.-])(?:eyJ[\w-]{8,}+\.eyJ[\w-]{8,}+\.[\w-]++|gh[pousr]_\w{30,}+|github_pat_\w{30,}+|glpat-[\w-]{20,}+"
    r"|xox[abprs]-[\w-]{10,}+|[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.-]))"
)
_QUOTED = re.compile(r"\"(?P<a>(?:[^\"\\\n]|\\.)*+)\"|'(?P<b>[^'\n]*+)'|\\+[\"'](?P<c>[^\"'\\\n]*+)\\+[\"']")
_WORD = re.compile(r"(?:[^\s,\"']|,(?![\w.-]++[=:]))++")
_SHELL_WORD = re.compile(r"[^\s\"'`;|&<>()]++")
_REST = re.compile(r"[^\n]++")
_WHOLE = re.compile(r"-{0,2}(?P<key>[\w.-]++)=(?P<value>.+)")
_NEXT_SET = re.compile(r",[\w.-]++=")
# A variable, a template, a place to fill in, a path, the head of a block, a switch.
_NO_SECRET = re.compile(
    r"\$(?:[A-Z_0-9]\w*+|[{(].*+)|\{\{.*+|<[^>]*+>|%\w|(?:/[\w.-]++){2,}/?+|[|>][-+]?|={1,2}.*+"
    r"|(?i:true|false|yes|no|on|off|null|none|nil|~)",
    re.S,
)


def places(text: str, *, in_shell: bool = False) -> list[Span]:
    """Where secrets stand in a text, in order, none of them in another. `in_shell`: a shell reads the text."""
    found = list(_by_looks(text))
    found += _whole(text) if not in_shell and "\n" not in text else []
    found += _in_comments(text) if "#" in text else []
    found += _options(text, in_shell=in_shell)
    found += _named(text, in_shell=in_shell)
    return apart(found)


def hidden_text(text: str, *, mask: bool = True, in_shell: bool = False) -> str:
    """A text without the secrets in it: masked, or left out when `mask` is false."""
    return _with(text, places(text, in_shell=in_shell), lambda _: MASK if mask else "")


def hidden(value: Any, *, mask: bool, key: str = "") -> Any:
    """A copy of plain data with secrets masked, or left out when `mask` is false."""
    return _replaced(value, (lambda _: MASK) if mask else None, key)


def replaced(value: Any, instead: Callable[[str], str]) -> Any:
    """The same document, section or plain data with another text in place of each secret."""
    return _replaced(value, instead, "")


def secrets_in(value: Any) -> Iterator[Secret]:
    """Every secret of a document, of a section of one, of plain data, or of a text; once each, in their order."""
    found: dict[str, None] = {}

    def take(text: str) -> str:
        found[text] = None
        return text

    _replaced(value, take, "")
    # A value of Helm's (`adminPassword=x`) is a secret as a whole, and so is what stands in it.
    inner = (text[start:end] for text in [*found] if "=" in text for start, end in places(text))
    yield from map(Secret, dict.fromkeys([*found, *inner]))


def _replaced(value: Any, instead: Callable[[str], str] | None, key: str) -> Any:
    """`key` is the name of a secret that the value lies below, or the name by which a shell's text is known."""
    if isinstance(value, Secret):
        return value if not value else Secret(instead(value.reveal())) if instead is not None else _LEFT_OUT
    if isinstance(value, str):
        return _of_text(value, instead, key)
    if isinstance(value, BaseModel):
        return _of_model(value, instead, key)
    if isinstance(value, dict):
        return _of_mapping(value, instead, key)
    if isinstance(value, list | tuple):
        return _of_list(value, instead, key)
    if isinstance(value, int | float) and not isinstance(value, bool) and is_secret_key(key):
        return instead(str(value)) if instead is not None else _LEFT_OUT
    return value


def _of_text(value: str, instead: Callable[[str], str] | None, key: str) -> Any:
    if is_secret_key(key):
        if not value or _NO_SECRET.fullmatch(value) is not None:
            return value
        return instead(value) if instead is not None else _LEFT_OUT
    spans = places(value, in_shell=key in SHELL_KEYS) if _MAYBE.search(value) is not None else []
    return type(value)(_with(value, spans, instead or (lambda _: ""))) if spans else value


def _of_mapping(value: dict[Any, Any], instead: Callable[[str], str] | None, key: str) -> dict[Any, Any]:
    named = value.get("name", value.get("key"))
    # `{name: DB_PASSWORD, value: x}`, as containers are given their variables.
    of_value = named if isinstance(named, str) and is_secret_key(named) else key
    kept = {
        name: _replaced(inner, instead, of_value if name == "value" else _below(key, str(name)))
        for name, inner in value.items()
    }
    if all(kept[name] is inner for name, inner in value.items()):
        return value
    return {name: inner for name, inner in kept.items() if inner is not _LEFT_OUT}


def _of_list(value: list[Any] | tuple[Any, ...], instead: Callable[[str], str] | None, key: str) -> Any:
    kept, before = [], ""
    for inner in value:
        # `[--password, x]`, as programs are given their arguments.
        option = before if before.startswith("-") and is_secret_key(before) and type(inner) is str else key
        kept.append(_replaced(inner, instead, option))
        before = inner if isinstance(inner, str) else ""
    if all(new is old for new, old in zip(kept, value, strict=True)):
        return value
    return type(value)(inner for inner in kept if inner is not _LEFT_OUT)


def _of_model(value: BaseModel, instead: Callable[[str], str] | None, key: str) -> BaseModel:
    changed: dict[str, Any] = {}
    for name, called in _keys(type(value)):
        old = value.__dict__[name]
        if old is None or old is True or old is False or old == "" or old == ():
            continue
        fresh = _replaced(old, instead, _below(key, called))
        if fresh is not old:
            changed[name] = fresh
    if extra := value.model_extra:
        fresh = _of_mapping(extra, instead, key)
        changed |= {name: inner for name, inner in fresh.items() if inner is not extra[name]}
    return value.model_copy(update=changed) if changed else value


@cache
def _keys(model: type[BaseModel]) -> tuple[tuple[str, str], ...]:
    """Name by which a value is set, and what it is called in the text; nothing where it only names a secret."""
    named = ((name, field.alias or name) for name, field in model.model_fields.items())
    return tuple((name, "" if called in _NAMES_OF_SECRETS else called) for name, called in named)


def _below(key: str, name: str) -> str:
    """What counts for a value with this name below that key."""
    if is_secret_key(name) or name in SHELL_KEYS or is_harmless_key(name):
        return name
    return key if is_secret_key(key) else name


def _by_looks(text: str) -> Iterator[Span]:
    """Private keys, passwords in URLs, headers and logins, and tokens with a known shape."""
    if "PRIVATE KEY-----" in text:
        yield from (match.span() for match in _PEM.finditer(text))
    if "://" in text:
        yield from (match.span("value") for match in _IN_URL.finditer(text))
    if "uthorization" in text or "UTHORIZATION" in text:
        yield from _unless_open(text, (match.span("value") for match in _HEADER.finditer(text)))
    if "-u" in text:
        logins = (match.span("value") for match in _LOGIN.finditer(text))
        # `-u 1000:1000` are numbers of a user and a group.
        yield from (span for span in _unless_open(text, logins) if not text[slice(*span)].isdigit())
    if len(text) > 22:
        yield from (match.span() for match in _SHAPES.finditer(text))


def _unless_open(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    return (span for span in spans if _NO_SECRET.fullmatch(text[slice(*span)]) is None)


def _whole(text: str) -> Iterator[Span]:
    """`name=value` as an argument or a value of Helm's: blanks and quotes in it belong to it."""
    match = _WHOLE.fullmatch(text)
    if match is not None and is_secret_key(match["key"]) and _NO_SECRET.fullmatch(match["value"]) is None:
        following = _NEXT_SET.search(text, match.start("value"))
        yield match.start("value"), following.start() if following is not None else len(text)


def _in_comments(text: str) -> Iterator[Span]:
    """`# the password of the old machines: x`, to the end of the line."""
    for match in _IN_COMMENT.finditer(text):
        if any(map(is_secret_key, match["words"].split())):
            yield from _unless_open(text, [_value(text, match.end(), to_end=True, in_shell=False)])


def _options(text: str, *, in_shell: bool) -> Iterator[Span]:
    """`--password x`."""
    place = 0
    while "--" in text and (match := _OPTION.search(text, place)) is not None:
        place = match.end()
        if is_secret_key(match["key"]):
            span = _value(text, place, to_end=False, in_shell=in_shell)
            yield from _unless_open(text, [span])
            place = max(place, span[1])


def _named(text: str, *, in_shell: bool) -> Iterator[Span]:
    """`name=value` and `name: value`. One at the beginning of a line has the rest of it, unless a shell reads it."""
    place = 0
    while (match := _NAMED.search(text, place)) is not None:
        place = match.end()
        if is_secret_key(match["key"]):
            first = match["first"]
            in_line = first is not None and (match["sign"] == ":" or not in_shell) and "\n" in text
            to_end = in_line or (first or "").lstrip().startswith("#")
            span = _value(text, place, to_end=to_end, in_shell=in_shell)
            if span[1] > span[0] and not text.startswith(_COMPUTED, span[0]):
                yield from _unless_open(text, [span])
                place = span[1]


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


def apart(found: Iterable[Span]) -> list[Span]:
    """Spans in order, those that overlap as one: no rest of a longer one stays behind."""
    merged: list[Span] = []
    for start, end in sorted(span for span in found if span[1] > span[0]):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _with(text: str, spans: list[Span], instead: Callable[[str], str]) -> str:
    parts, place = [], 0
    for start, end in spans:
        parts += [text[place:start], instead(text[start:end])]
        place = end
    return "".join([*parts, text[place:]])
