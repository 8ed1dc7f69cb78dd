"""Secrets that are known by their place among the words of a command: `sqlplus me/x@db`, `vault kv put a/b k=x`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from clusters.config.secrets.names import is_open_value, is_secret_key, is_weak_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Found(NamedTuple):
    """A secret in a list of words: which word, and from where to where."""

    word: int
    start: int
    end: int


_SEALED = re.compile(r"(?:stringData|data)\\*[\"']?\s*+:\s*+\{(?P<body>(?:[^{}\"]|\"[^\"]*+\")*+)")
_SEALED_VALUE = re.compile(r":\s*+\\*[\"']?(?P<value>[^\s\"'\\,{}]++)")
"""What a patch of a Secret has in `data`, and a value in there."""
_IN_PATH = re.compile(r"value\\*[\"']?\s*+:\s*+\\*[\"'](?P<value>[^\s\"'\\]++)")
_MOUNTED = re.compile(r"(?:^|,)user(?:name)?=[^\s,%]++%(?P<value>[^\s,]++)")
_LOGIN = re.compile(r"(?:userid=)?[^/@\s=]++/(?P<quote>[\"']?)(?P<secret>[^\s]+?)(?P=quote)(?:@[^@\s]*+)?")
"""`me/x@db`, as Oracle's programs take it."""
_OF_SAMBA = re.compile(r"add|delete|info|rename|password")
"""What `net user` does in Samba with the name behind it."""
_OF_VAULT = ("secret/", "kv/", "cubbyhole/")
"""So begin the paths in Vault under which nothing but secrets is written."""


def by_place(words: Sequence[str], place: int, name: str) -> Iterator[Found]:
    """Where secrets stand behind the program at this place, which is called so."""
    if (look := _LOOKS.get(name)) is not None:
        yield from look(words, place + 1)


def behind(words: Sequence[str], at: int, start: int, mark: str) -> Iterator[Found]:
    """The secret in a word, from this character on; with a `mark`, behind it."""
    word = words[at]
    if mark and word[start : start + 1] in ("'", '"') and word.endswith(word[start]):
        word = word[:-1]
    found = word.find(mark, start)
    if found < 0:
        return
    start = found + len(mark)
    for quote in ('\\"', "'", '"'):
        if word.startswith(quote, start) and word.endswith(quote):
            start, word = start + len(quote), word[: -len(quote)]
    value = word[start:]
    if value and not value.startswith("-") and not is_open_value("", value) and not (mark == ":" and value.isdigit()):
        yield Found(at, start, start + len(value))


def whole(words: Sequence[str], at: int) -> Iterator[Found]:
    """The word at this place, if there is one."""
    if at < len(words):
        yield from behind(words, at, 0, "")


def _plain(words: Sequence[str], place: int, valued: tuple[str, ...] = ()) -> Iterator[int]:
    """The words that are not options; `valued` are options whose value is the next word."""
    while place < len(words):
        if words[place].startswith("-") and len(words[place]) > 1:
            place += 1 + (words[place] in valued)
        else:
            yield place
            place += 1


def _behind_words(words: Sequence[str], place: int, *names: str) -> int:
    """The place behind these words, which follow each other; the end when they do not stand there."""
    for at in range(place, len(words)):
        if [*words[at : at + len(names)]] == [*names]:
            return at + len(names)
    return len(words)


def _keyring(words: Sequence[str], place: int) -> Iterator[Found]:
    """`keyctl add user name x @u`, `keyctl update 1 x`; `new 32` has the kernel make one up."""
    at = {"add": 3, "update": 2, "instantiate": 2}.get(words[place] if place < len(words) else "")
    if at is not None and place + at < len(words) and not words[place + at].startswith("new "):
        yield from whole(words, place + at)


def _minio(words: Sequence[str], place: int) -> Iterator[Found]:
    """`mc alias set name https://h access x`, `mc config host add name https://h access x`."""
    if {"alias", "host"} & {*words[place : place + 2]}:
        yield from whole(words, place + 5 + (words[place] == "config"))


def _openssl(words: Sequence[str], place: int) -> Iterator[Found]:
    """`openssl passwd -6 x`."""
    if words[place : place + 1] == ["passwd"] and words[-2] not in ("passwd", "-salt"):
        yield from whole(words, len(words) - 1)


def _powershell(words: Sequence[str], place: int) -> Iterator[Found]:
    """`ConvertTo-SecureString x -AsPlainText`, with or without `-String`."""
    for at in [*_plain(words, place)][:1]:
        if not words[at].startswith("$"):  # variables are written small there
            yield from whole(words, at)


def _oracle(words: Sequence[str], place: int) -> Iterator[Found]:
    """`sqlplus me/x@db`; `/nolog` and `/ as sysdba` have no password."""
    for at in _plain(words, place):
        match = _LOGIN.fullmatch(words[at])
        if match is not None and not is_open_value("", match["secret"]):
            yield Found(at, *match.span("secret"))
        if "/" in words[at]:
            return


def _samba(words: Sequence[str], place: int) -> Iterator[Found]:
    """`smbclient //h/share x`."""
    for at in range(place, len(words) - 1):
        if words[at].startswith("//"):
            yield from whole(words, at + 1)
            return


def _ansible(words: Sequence[str], place: int) -> Iterator[Found]:
    """`ansible-vault encrypt_string --name a x`."""
    valued = ("-n", "--name", "--vault-id", "--vault-password-file", "--encrypt-vault-id", "--output", "--stdin-name")
    for at in _plain(words, _behind_words(words, place, "encrypt_string"), valued):
        yield from whole(words, at)


def _vault(words: Sequence[str], place: int) -> Iterator[Found]:
    """`vault operator unseal x`, `vault kv put a/b k=x`; `@file` and `-` give the location of a value."""
    for names in (
        ("operator", "unseal"),
        ("operator", "rekey"),
        ("token", "lookup"),
        ("token", "renew"),
        ("token", "revoke"),
    ):
        if "-accessor" not in words:
            for at in [*_plain(words, _behind_words(words, place, *names), ("-format", "-nonce", "-increment"))][:1]:
                yield from whole(words, at)
    first = min(_behind_words(words, place, "kv", "put"), _behind_words(words, place, "kv", "patch"))
    writes = words[place : place + 1] == ["write"]
    path, *rest = [*_plain(words, place + 1 if writes else first), len(words)]
    for at in rest[:-1]:
        name, sign, value = words[at].partition("=")
        meant = not writes or words[path].startswith(_OF_VAULT) or name == "value"
        if sign and meant and not value.startswith("@"):
            yield from behind(words, at, 0, "=")


def _windows(words: Sequence[str], place: int) -> Iterator[Found]:
    """`net user me x /add`, `net use x: \\\\h\\share x /user:me`; a star has it asked for."""
    if words[place : place + 1] == ["user"]:
        named = [at for at in range(place + 1, len(words)) if not words[at].startswith(("/", "*", "-"))]
        of_samba = named[:1] == [place + 1] and _OF_SAMBA.fullmatch(words[place + 1]) is not None
        for at in named[1 + of_samba : 2 + of_samba]:
            yield from whole(words, at)
        return
    if words[place : place + 1] != ["use"] or not any(word.lower().startswith("/user:") for word in words):
        return
    for at in range(place + 2, len(words)):
        if not words[at].startswith(("/", "\\", "*")):
            yield from whole(words, at)


def _libvirt(words: Sequence[str], place: int) -> Iterator[Found]:
    """`virsh secret-set-value id x`."""
    for at in [*_plain(words, _behind_words(words, place, "secret-set-value"), ("--secret",))][1:2]:
        yield from whole(words, at)


def _ipmi(words: Sequence[str], place: int) -> Iterator[Found]:
    """`ipmitool user set password 2 x`."""
    yield from whole(words, _behind_words(words, place, "set", "password") + 1)


def _stored(words: Sequence[str], place: int) -> Iterator[Found]:
    """`etcdctl put /app/password x`, `consul kv put app/password x`, `consul acl set-agent-token default x`."""
    key, value = [*_plain(words, _behind_words(words, place, "put")), len(words), len(words)][:2]
    name = words[key].rpartition("/")[2] if key < len(words) else ""
    if is_secret_key(name) and not is_weak_key(name):
        yield from whole(words, value)
    for at in [*_plain(words, _behind_words(words, place, "acl", "set-agent-token"))][1:2]:
        yield from whole(words, at)


def _kubernetes(words: Sequence[str], place: int) -> Iterator[Found]:
    """`kubectl patch secret a -p '{"stringData": {"b": "x"}}'`, also as a list of operations on `/data/b`."""
    rest = {*words[place:]}
    if "patch" not in rest or not any(word.partition("/")[0] in ("secret", "secrets") for word in rest):
        return
    for at in range(place, len(words)):
        if not words[at].startswith(("-p", "--patch=")) and words[at - 1] not in ("-p", "--patch"):
            continue
        for sealed in _SEALED.finditer(words[at]):
            for match in _SEALED_VALUE.finditer(words[at], *sealed.span("body")):
                yield from _unless_open(at, match)
        if "/data/" in words[at] or "/stringData/" in words[at]:
            for match in _IN_PATH.finditer(words[at]):
                yield from _unless_open(at, match)


def _unless_open(at: int, match: re.Match[str]) -> Iterator[Found]:
    if not is_open_value("", match["value"]):
        yield Found(at, *match.span("value"))


def _kubeadm(words: Sequence[str], place: int) -> Iterator[Found]:
    """`kubeadm token create x`."""
    valued = ("--ttl", "--description", "--groups", "--usages", "--config", "--kubeconfig", "--certificate-key")
    verb, *rest = [*_plain(words, _behind_words(words, place, "token"), valued), len(words)]
    if rest and words[verb] not in ("delete", "list", "generate"):
        yield from whole(words, rest[0])


def _mount(words: Sequence[str], place: int) -> Iterator[Found]:
    """`mount -o user=me%x`."""
    for at in range(place, len(words)):
        match = _MOUNTED.search(words[at].removeprefix("-o")) if "%" in words[at] else None
        if match is not None and not is_open_value("", match["value"]):
            end = len(words[at])
            shift = end - len(match.string)
            yield Found(at, shift + match.start("value"), shift + match.end("value"))


def _snmp(words: Sequence[str], place: int) -> Iterator[Found]:
    """`snmpwalk -c x`; everybody may know of `public`."""
    for at in range(place, len(words)):
        community = words[at].removeprefix("-c") if words[at].startswith("-c") else words[at]
        if (words[at - 1] == "-c" or community is not words[at]) and community != "public":
            yield from behind(words, at, len(words[at]) - len(community), "")


def _dns(words: Sequence[str], place: int) -> Iterator[Found]:
    """`dig -y hmac-sha256:key:x`."""
    for at in range(place, len(words)):
        if words[at - 1] == "-y" and ":" in words[at]:
            yield from behind(words, at, words[at].rindex(":") + 1, "")


def _bitwarden(words: Sequence[str], place: int) -> Iterator[Found]:
    """`bw unlock x`, `bw login me@example x`."""
    for name, number in (("unlock", 0), ("login", 1)):
        valued = ("--passwordenv", "--passwordfile", "--method", "--code", "--session")
        for at in [*_plain(words, _behind_words(words, place, name), valued)][number : number + 1]:
            yield from whole(words, at)


def _set_for_others(words: Sequence[str], place: int) -> Iterator[Found]:
    """`setenv PASSWORD x` of csh, `set -gx PASSWORD x` of fish, and `printf -v PASSWORD %s x`."""
    of_fish, of_printf = words[place - 1] == "set", words[place - 1] == "printf"
    first = words[place] if place < len(words) else ""
    if (of_fish and (not first.startswith("-") or first in ("-", "--"))) or (of_printf and first != "-v"):
        return
    name, *values = [*_plain(words, place), len(words)][:-1] or [len(words)]
    if name >= len(words) or not is_secret_key(words[name]) or is_weak_key(words[name]):
        return
    for at in values:
        if not (of_printf and "%" in words[at] and at == values[0]):
            yield from whole(words, at)


_LOOKS: dict[str, Callable[[Sequence[str], int], Iterator[Found]]] = {
    "keyctl": _keyring,
    "mc": _minio,
    "openssl": _openssl,
    **dict.fromkeys(("ConvertTo-SecureString", "convertto-securestring"), _powershell),
    **dict.fromkeys(("sqlplus", "sqlldr", "expdp", "impdp"), _oracle),
    "smbclient": _samba,
    "ansible-vault": _ansible,
    "vault": _vault,
    **dict.fromkeys(("net", "net.exe"), _windows),
    "virsh": _libvirt,
    "ipmitool": _ipmi,
    **dict.fromkeys(("etcdctl", "consul"), _stored),
    **dict.fromkeys(("kubectl", "oc"), _kubernetes),
    "kubeadm": _kubeadm,
    **dict.fromkeys(("mount", "mount.cifs", "mount.smb3"), _mount),
    **dict.fromkeys(
        ("snmpget", "snmpwalk", "snmpset", "snmpgetnext", "snmpbulkget", "snmpbulkwalk", "snmptrap"), _snmp
    ),
    **dict.fromkeys(("dig", "nsupdate", "delv"), _dns),
    "bw": _bitwarden,
    **dict.fromkeys(("set", "setenv", "printf"), _set_for_others),
}
PLACED = tuple(_LOOKS)
"""Programs that take a secret at a place."""
