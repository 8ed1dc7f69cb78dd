"""Secrets in files and languages with a special syntax: netrc, pgpass, SQL, preseed, SNMP, bind, fstab, XML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.config.secrets.names import is_open_value, is_secret_key
from clusters.config.secrets.patterns import looks_random, unless_open

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.secrets.patterns import Span

# No part gives back what it took (`++`): a text is read once.
_NETRC = re.compile(
    r"(?<![^\s\"'])(?:machine\s++[^\s\"']++|default)\s++(?:(?:login|account)\s++[^\s\"']++\s++)*+password\s++(?P<value>[^\s\"'\\]++)"
    r"(?=[ \t]*+(?:$|[\"'\\|>;]|account|machine|default|macdef))",
    re.M,
)
_PGPASS = re.compile(
    r"(?<![\w.:*/-])[\w.*/-]++:(?:\d{2,5}|\*):[\w.*-]++:[\w.*@-]++:(?P<value>(?:[^\s\"'\\]|\\[:\\])++)"
)
# Files of settings without a sign between name and value: those of LDAP, Redis, keepalived and kickstart.
_SETTING = re.compile(
    r"(?:^[ \t]*+|(?<=[\"']))(?:bindpw|rootpw|rootpwmodpw|requirepass|masterauth|auth_pass)(?:[ \t]++--?\w++)*+[ \t]++"
    r"[\"']?(?P<value>[^\s\"':=\\-][^\s\"'\\]*+)(?=[\"']?[ \t]*+(?:$|[\"'\\]))",
    re.M,
)
_SQL = re.compile(
    r"(?i)(?<!\w)(?:(?:(?:alter|create)\s++(?:user|role)\s++[^\s;]++\s++(?:(?!password)\w++\s++){0,8}+password"
    r"|identified\s++(?:with\s++[\w']++\s++)?+by(?:\s++password)?+)\s++"
    r"|set\s++password(?:\s++for\s++[^\s;=]++)?+\s*+=\s*+(?:(?:old_)?password\s*+\(\s*+)?+"
    r"|authentication_string\s*+=\s*+(?:(?:old_)?password\s*+\(\s*+)?+)\\*+[\"'](?P<value>[^\s\"'\\]++)"
)
# `db.auth("a", "x")`, as MongoDB's shell and many clients have it.
_AUTH = re.compile(
    r"\.(?:auth|changeUserPassword)\(\s*+\\*+[\"'][^\"'\\\n]*+\\*+[\"']\s*+,\s*+\\*+[\"'](?P<value>[^\"'\\\n]++)"
)
# Answers to the questions of Debian's installer and packages: `d-i passwd/root-password password x`.
_PRESEED = re.compile(
    r"(?<![\w./+-])(?:[\w.+-]++/)++(?:(?P<key>[\w.+-]++)[ \t]++password|wireless_(?:wep|wpa)[ \t]++string)[ \t]++"
    r"(?P<value>[^\s\"'\\]++(?:[ \t]++[^\s\"'\\#|&;>]++)*+)"
)
_SNMP = re.compile(
    r"(?:^[ \t]*+|(?<=[\"']))(?:r[ow]community6?+|com2sec6?+[ \t]++(?:-Cn[ \t]++\S++[ \t]++)?+\S++[ \t]++\S++)[ \t]++"
    r"\\*+[\"']?+(?P<value>(?!public\b)[^\s\"'\\]++)",
    re.M,
)
_SNMP_USER = re.compile(
    r"(?<!\w)createUser[ \t]++(?:-e[ \t]++\S++[ \t]++)?+[^\s-]\S*+[ \t]++(?:MD5|SHA(?:-?\d++)?+)[ \t]++"
    r"\\*+[\"']?+(?P<value>[^\s\"'\\]++)"
    r"(?:\\*+[\"']?+[ \t]++(?:DES|AES(?:-?\d++C?)?+)[ \t]++\\*+[\"']?+(?P<more>[^\s\"'\\]++))?+"
)
_BIND = re.compile(r"(?:^|[{;])[ \t]*+secret[ \t]++\\*+[\"']?+(?P<value>[^\s\"'\\;{}]++)\\*+[\"']?+[ \t]*+;", re.M)
# `user=a%x` among the options of a mounted share.
_FSTAB = re.compile(
    r"(?:^[ \t]*+|(?<=[\"']))//\S++[ \t]++\S++[ \t]++(?:cifs|smb3?+|smbfs)[ \t]++(?:(?!user(?:name)?+=)[^\s,]++,)*+"
    r"user(?:name)?+=[^\s,%]++%(?P<value>[^\s,\"'\\]++)",
    re.M,
)
_TELEGRAM = re.compile(r"(?<![\w.-])bot\d{3,}+:(?P<value>[\w-]{5,}+)")
_MARKUP = re.compile(
    r"<(?:\w++:)?+(?P<key>[\w.-]++)>(?P<value>[^<>\s]++)</|(?<![\w.-])(?:key|name)="
    r"(?P<quote>[\"'])(?P<named>[\w.-]++)(?P=quote)\s++value=[\"'](?P<valued>[^\"'<>\n]++)"
)
_BY_WORDS = (
    (("password",), _NETRC),
    (("password", "identified", "authentication_string"), _SQL),
    (("pgpass",), _PGPASS),
    (("pw", "pass", "masterauth"), _SETTING),
    ((".auth(", ".changeuserpassword("), _AUTH),
    (("community", "com2sec"), _SNMP),
    (("secret",), _BIND),
    (("cifs", "smb"), _FSTAB),
)
"""Words of which one stands in every text in which the pattern finds something."""


def in_files(text: str) -> Iterator[Span]:
    """What has a special syntax: logins, settings without a sign, answers to questions, statements, XML."""
    lower = text.lower()
    for words, pattern in _BY_WORDS:
        if any(word in lower for word in words):
            yield from unless_open(text, pattern)
    for match in _PRESEED.finditer(text) if "password" in lower or "wireless" in lower else ():
        if (match["key"] is None or is_secret_key(match["key"])) and not is_open_value("", match["value"]):
            yield match.span("value")
    for match in _SNMP_USER.finditer(text) if "createuser" in lower else ():
        yield from (
            match.span(name) for name in ("value", "more") if match[name] and not is_open_value("", match[name])
        )
    for match in _TELEGRAM.finditer(text) if "bot" in text else ():
        if looks_random(match["value"]):
            yield match.span("value")
    if "</" in text or "value=" in text:
        yield from _in_markup(text)


def _in_markup(text: str) -> Iterator[Span]:
    for match in _MARKUP.finditer(text):
        which = "value" if match["key"] else "valued"
        name = match["key"] or match["named"]
        if is_secret_key(name) and not is_open_value(name, match[which]):
            yield match.span(which)
