"""Secrets that are known by their looks wherever they stand: keys, tokens, headers, URLs."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from clusters.config.secrets.names import is_open_value

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]
"""Where a secret begins in a text, and where it ends."""

LONGEST_LOGIN = 512
"""Characters before the `@tcp(` of a data source in which its login is sought."""

# No part gives back what it took (`++`): a text is read once.
_PEM = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z)", re.S
)
# `-----BEGIN PRIVATE KEY`, and the same with RSA, EC, OPENSSH, ENCRYPTED, in Base64.
_PEM_IN_BASE64 = re.compile(
    r"LS0tLS1CRUdJTi(?:BQUklW|BSU0Eg|BFQyBQ|BPUEVOU1NI|BFTkNSWVBU)[\w+/=]++(?:\\?\n[ \t]*+[\w+/=]{16,}+)*+"
)
_PUTTY = re.compile(r"Private-Lines: \d++\s++(?P<value>(?:[\w+/=]++\s*+)++)(?=Private-MAC|\Z)")
_LOGIN = re.compile(r"(?<![\w-])(?:-u|--(?:proxy-)?user)[ =][ \t]*+[\"']?[^\s:\"']++:(?P<value>[^\s\"']++)")
# A file of settings of curl's: `user = "me:x"`.
_CURLRC = re.compile(r"(?<![\w.-])(?:proxy-)?user[ \t]*+=[ \t]*+\\*[\"']?[^\s:\"'\\]++:(?P<value>[^\s\"'\\]++)")
_HEADER = re.compile(r"(?i)authorization[\"']?[ \t]*+[:=][ \t]*+[\"']?(?:\w++[ \t]++)?(?P<value>[^\s\"']++)")
_COOKIE = re.compile(r"(?i)(?<![\w-])(?:set-)?cookie:[ \t]*+[\w.-]++=(?P<value>[^\n\"']++)")
_SCHEME = re.compile(r"(?i)(?<![\w-])(?P<scheme>bearer|basic)(?:[ \t]|%20)++(?P<value>[\w.~+/-]{6,}+={0,2})")
_IN_URL = re.compile(r"://[^/\s:@\"']*+:(?P<value>[^/\s\"']+)@")
_BEFORE_HOST = re.compile(r"(?i:https?)://(?P<value>[^/\s:@\"'?#{}$<>]++)(?::(?:x-oauth-basic|x)?+)?+@")
# Somebody's name, which some write before a host: `https://git@host`.
_USER_NAME = re.compile(r"[a-z][a-z._-]{0,11}")
_DATA_SOURCE = re.compile(r"@(?:tcp[46]?|udp[46]?|unix|pipe|cloudsql)\(")
_CERTIFICATE_KEY = re.compile(r"(?i:certificate key:)\s*+(?P<value>[0-9a-f]{64})(?!\w)")
_HASH = re.compile(r"\$(?:1|2[abxy]|5|6|7|y|gy|apr1|argon2id?|argon2d|scrypt)\$[\w./$=,+-]{16,}+")
_WEBHOOK = re.compile(
    r"(?:hooks\.slack\.com/(?:services|workflows)|discord(?:app)?\.com/api/webhooks)/(?P<value>[\w/-]{16,}+)"
)
# Prefixes that their issuers publish so that tokens can be found: GitHub, GitLab, Slack, AWS, Google, Docker, npm,
# PyPI, Stripe, Vault, SendGrid, DigitalOcean, Hugging Face, Grafana, age, Atlassian, Shopify, Telegram; JWTs;
# kubeadm's tokens.
_SHAPES = re.compile(
    r"(?<![\w.-])(?:eyJ[\w-]{8,}+\.eyJ[\w-]{8,}+\.[\w-]++|gh[pousr]_\w{30,}+|github_pat_\w{30,}+"
    r"|gl(?:pat|dt|rt|cbt|ptt|ft|agent|soat|oas)-[\w-]{20,}+|xox[abeoprs]-[\w-]{10,}+|xapp-[\w-]{20,}+"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?!\w)|AIza[\w-]{35}(?!\w)|ya29\.[\w-]{20,}+|GOCSPX-[\w-]{20,}+|dckr_[po]at_[\w-]{20,}+"
    r"|npm_\w{36}|pypi-AgE[\w-]{40,}+|[rs]k_(?:live|test)_\w{16,}+|hv[sbr]\.[\w-]{20,}+|SG\.[\w-]{16,}+\.[\w-]{16,}+"
    r"|do[op]_v1_\w{40,}+|hf_\w{30,}+|gl(?:c|sa)_[\w=+/]{20,}+|AGE-SECRET-KEY-1\w{40,}+|ATATT3[\w=-]{40,}+"
    r"|shp(?:at|ca|pa|ss)_\w{30,}+|sk-[\w-]{32,}+"
    r"|\d{8,10}:AA[\w-]{33}(?![\w-]))"
)
# kubeadm's tokens. Hosts may look so, too: behind `://`, before a port or a path, under the name of an address.
_JOIN_TOKEN = re.compile(r"(?<![\w./@-])(?=[a-z.]{0,21}[0-9])[a-z0-9]{6}\.(?P<rest>[a-z0-9]{16})(?![\w.-]|:\d|/)")
_OF_HOST = re.compile(
    r"(?i:(?:address|host|hosts|hostname|domain|server|servers|endpoint|registry|registries|mirrors?|repo|image|name"
    r"|node|nodes|url|etcd|master|worker|fqdn|sans|altnames))$"
)
_OF_PROXY = re.compile(r"(?i:(?:proxy|proxies|hops))$")
# A login before a host without a scheme: `me:x@registry.example:5000`; `image:1.0@sha256:…` is a digest.
_LOGIN_OF_HOST = re.compile(r"(?:^|(?<=,))[ \t]*+[^\s:@/,\"'{}$]++:(?P<value>[^\s/,\"']+)@(?!sha\d++:)(?=[\w\[])")
_NAME_BEFORE = re.compile(r"(?<!\w)(?P<key>\w++)[\"']?+[ \t]*+[:=][ \t]*+[\[\"']*+(?:[\w.-]++,[ \t]*+)*+$")
_OF_TOKEN = re.compile(r"(?i)token|kubeadm|join|secret|pass")
NEAR = 80
"""Characters before what looks like a token of kubeadm in which it is sought what it is."""
_OF_SIGNATURE = re.compile(
    r"(?i)(?:[?&]|\\u0026)(?:sig|signature|x-(?:amz|goog|oss|ms)-signature)=(?P<value>[^\s&\"'#<>\\]++)"
)


def by_looks(text: str) -> Iterator[Span]:
    """Where they stand."""
    if "PRIVATE KEY" in text:
        yield from (match.span() for match in _PEM.finditer(text))
    if "Private-Lines" in text:
        yield from (match.span("value") for match in _PUTTY.finditer(text))
    if "://" in text:
        yield from _in_urls(text)
    if "@" in text:
        yield from _in_data_sources(text)
    yield from _in_headers(text)
    if "-u" in text or "--" in text:
        # `-u 1000:1000` are numbers of a user and a group.
        yield from (span for span in unless_open(text, _LOGIN) if not text[slice(*span)].isdigit())
    if "curl" in text and "user" in text:
        yield from (span for span in unless_open(text, _CURLRC) if not text[slice(*span)].isdigit())
    if len(text) < 20:
        return
    yield from _join_tokens(text)
    for pattern in (_PEM_IN_BASE64, _HASH, _SHAPES):
        yield from (match.span() for match in pattern.finditer(text))
    for pattern in (_CERTIFICATE_KEY, _WEBHOOK):
        yield from (match.span("value") for match in pattern.finditer(text))


def _join_tokens(text: str) -> Iterator[Span]:
    """Tokens of kubeadm: what has digits between letters, unless it is a host; other words beside `token` only."""
    for match in _JOIN_TOKEN.finditer(text):
        before = text[max(0, match.start() - NEAR) : match.start()].rpartition("\n")[2]
        if _OF_HOST.search(_name_of(text, match.start(), before)) is not None:
            continue
        rest = match["rest"].rstrip("0123456789")
        if any(map(str.isdigit, rest)) or not rest or _OF_TOKEN.search(before) is not None:
            yield match.span()


def _name_of(text: str, start: int, before: str) -> str:
    """The name that a word stands behind, on its line or as an item of a list below that."""
    named = _NAME_BEFORE.search(before)
    if named is None and before.strip(" \"'") == "-":
        above = text[max(0, start - 5 * NEAR) : start].split("\n")[:-1]
        head = next((line for line in reversed(above) if not line.lstrip().startswith("-")), "")
        named = _NAME_BEFORE.search(head.rstrip())
    return named["key"] if named is not None else ""


def is_host(key: str, text: str) -> bool:
    """Whether a value is a host that looks like a token of kubeadm: `address: node01.internalregistry`."""
    return _OF_HOST.search(key) is not None and _JOIN_TOKEN.fullmatch(text) is not None


def before_host(key: str, text: str) -> Iterator[Span]:
    """Passwords in host values without a scheme: `privateRegistry: me:x@host`."""
    if "@" in text and (_OF_HOST.search(key) is not None or _OF_PROXY.search(key) is not None):
        yield from unless_open(text, _LOGIN_OF_HOST)


def login_in_name(name: str) -> list[Span]:
    """Passwords in the name of a registry or of another server: `https://me:x@host`, `me:x@host`."""
    if "@" not in name:
        return []
    return [*_in_urls(name)] if "://" in name else [*unless_open(name, _LOGIN_OF_HOST)]


def unless_open(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    """Where a pattern finds a value that is not open."""
    return (match.span("value") for match in pattern.finditer(text) if not is_open_value("", match["value"]))


def _in_urls(text: str) -> Iterator[Span]:
    yield from unless_open(text, _OF_SIGNATURE)
    yield from (span for span in unless_open(text, _IN_URL) if text[slice(*span)] not in ("x-oauth-basic", "x"))
    for match in _BEFORE_HOST.finditer(text):
        if _USER_NAME.fullmatch(match["value"]) is None:
            yield match.span("value")


def _in_data_sources(text: str) -> Iterator[Span]:
    """`user:password@tcp(host)`, as Go's drivers write it; it holds no blanks and quotes."""
    for match in _DATA_SOURCE.finditer(text):
        before = text[max(0, match.start() - LONGEST_LOGIN) : match.start()]
        login = before[max(before.rfind(each) for each in " \t\n\"'`") + 1 :]
        _user, colon, password = login.partition(":")
        if colon and not password.startswith("//") and not is_open_value("", password):
            yield match.start() - len(password), match.start()


def _in_headers(text: str) -> Iterator[Span]:
    lower = text.lower()
    if "authorization" in lower:
        yield from unless_open(text, _HEADER)
    if "cookie:" in lower:
        yield from unless_open(text, _COOKIE)
    if "bearer" in lower or "basic" in lower:
        for match in _SCHEME.finditer(text):
            found = _is_login if match["scheme"].lower() == "basic" else looks_random
            if found(match["value"]):
                yield match.span("value")


def _is_login(text: str) -> bool:
    """Whether it is `user:password` in Base64."""
    return ":" in decoded(text)


def decoded(text: str) -> str:
    """What a text is the Base64 of; empty when it is none, or not of text."""
    packed = "".join(text.split())
    if len(packed) < 4 or len(packed) % 4:
        return ""
    try:
        plain = base64.b64decode(packed, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return plain if plain.replace("\n", "").replace("\t", "").isprintable() else ""


def looks_random(word: str) -> bool:
    """Whether no language has this word: letters with digits or signs in it, or a capital letter within."""
    if len(word) < 5:
        return False
    letters = any(map(str.isalpha, word))
    digits, signs = any(map(str.isdigit, word)), any(each in "!@#$%^&*+=?~_" for each in word)
    return (letters and (digits or signs)) or (word[1:].lower() != word[1:] and not word.isupper())
