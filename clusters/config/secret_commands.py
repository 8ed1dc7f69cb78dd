"""Secrets on command lines: options of programs that take a password, and what `echo` hands to one that reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from clusters.config.secret_names import is_open_value, is_secret_key, is_weak_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clusters.config.secret_looks import Span


class Found(NamedTuple):
    """A secret in a list of words: which word, and from where to where."""

    word: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Takes:
    """How programs take a secret. `after` are options before it, `joined` options that it follows without a blank.

    `subcommand` has to be among the words. Of a value with `mark` in it the secret begins behind that. `switches` are
    letters that may stand before an option in one word: `-sSLu`.
    """

    programs: str
    after: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    subcommand: str = ""
    mark: str = ""
    switches: str = ""


_TAKES = (
    Takes("sshpass", after=("-p",), joined=("-p",), switches="v"),
    Takes("mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlcheck mysqlpump mariadb mariadb-dump mariadb-admin",
          joined=("-p",)),
    Takes("docker podman nerdctl buildah skopeo oras crane helm oc az", after=("-p",), joined=("-p",),
          subcommand="login"),
    Takes("mongo mongosh mongodump mongorestore mongoexport mongoimport", after=("-p",)),
    Takes("usermod useradd", after=("-p",)),
    Takes("redis-cli", after=("-a",)),
    Takes("ldappasswd", after=("-s", "-a")),
    Takes("ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldappasswd", after=("-w",), joined=("-w",),
          switches="xvnZcCMQL"),
    Takes("zip unzip sqlcmd ipmitool bcp", after=("-P",), joined=("-P",), switches="rqjmoe9"),
    Takes("7z 7za 7zr rar unrar", joined=("-p",)),
    Takes("curl", after=("-u", "-U"), joined=("-u", "-U"), mark=":", switches="sSfLkgGiIvnNaj0123456#qBRJOl"),
    Takes("crictl skopeo podman buildah", after=("--creds", "--src-creds", "--dest-creds"),
          joined=("--creds=", "--src-creds=", "--dest-creds="), mark=":"),
    Takes("ansible-vault", after=("encrypt_string",)),
    Takes("nmcli", after=("password", "wifi-sec.psk", "802-11-wireless-security.psk")),
    Takes("smbclient rpcclient net", after=("-U",), mark="%"),
    Takes("lftp", after=("-u",), mark=","),
    Takes("openssl", after=("-passin", "-passout", "-pass"), mark="pass:"),
    Takes("openssl", after=("-k", "-K")),
    Takes("snmpget snmpwalk snmpset", after=("-A", "-X")),
    Takes("vault", after=("login",)),
    Takes("kubectl oc", after=("--from-literal",), joined=("--from-literal=",), subcommand="secret", mark="="),
)  # fmt: skip
_BY_PROGRAM: dict[str, tuple[Takes, ...]] = {
    name: tuple(each for each in _TAKES if name in each.programs.split())
    for name in {name for each in _TAKES for name in each.programs.split()}
}
_READERS = ("chpasswd", "passwd", "smbpasswd", "cryptsetup", "kinit", "realm", "secret-tool", "grub-mkpasswd-pbkdf2")
"""Programs that read a password from standard input."""
_CARRIERS = ("ssh", "su", "runuser", "chroot", "nsenter", "docker", "podman", "nerdctl", "kubectl", "crictl")
"""Programs that start another, somewhere else or as somebody else, and give it their standard input."""
_READING = ("-S", "--stdin", "--password-stdin", "--passphrase-fd", "--stdin-password")
"""Options with which others do."""
_PRINTERS = ("echo", "printf", "yes")
MOST_PRINTED = 20
"""Commands within brackets that are looked at when their output goes to a program that reads a password."""
DEEPEST_LINE = 3
"""Command lines in words of command lines: `ssh h "bash -c 'mysql -px'"`."""
_BEFORE = ("sudo", "env", "exec", "then", "do", "else", "if", "!", "{", "time", "nohup", "command")
_LAST = ("htpasswd", "wpa_passphrase")
"""Programs whose last word is a password."""
_OTHERS = ("mc", "rabbitmqctl", "sed", "iscsiadm")
_SETS = ("set", "change_password", "add_user", "passwd")

_WRITTEN = re.compile(r"(?:>|(?<=\s)tee(?=\s)(?:[ \t]++-a)?+)[ \t]*+[\"']?([^\s|;&<>\"']++)")
_LINE = re.compile(r"(?:[^\n\\]|\\(?s:.))++")
_PROGRAM = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(re.escape(each) for each in sorted({*_BY_PROGRAM, *_READERS, *_LAST, *_OTHERS}))
    + r")(?![\w.-])|--password-stdin|--stdin|--passphrase-fd|-S(?!\w)|(?<=\s)set(?=\s)|>\s*+[~/.\w]|(?<=\s)tee(?=\s)"
)
_TOKEN = re.compile(
    r"(?P<apart>\|[|&]?|&&?|;|\n|[()`]|(?<!\S)#+)|(?P<here><<<)|(?P<file>\d?>{1,2}(?![(&])|<(?![<(]))|(?P<word>(?:[^\s\"'\\;|&<>()`]|\\(?s:.)"
    r"|\"(?:[^\"\\\n]|\\(?s:.))*+\"|'[^'\n]*+'|[\"'\\])++)"
)


@dataclass(slots=True)
class _Command:
    """Words of one command with their places; `apart` is the sign before it."""

    apart: str
    words: list[str] = field(default_factory=list, repr=False)
    starts: list[int] = field(default_factory=list)
    here: int = -1
    files: list[str] = field(default_factory=list)
    """Where its output goes."""


def in_commands(text: str, offset: int = 0, depth: int = DEEPEST_LINE) -> Iterator[Span]:
    """Where secrets stand on the command lines of a text, and on those within a quoted word of one."""
    if _PROGRAM.search(text) is None:
        return
    for line in _LINE.finditer(text):
        if _PROGRAM.search(line[0]) is None:
            continue
        for command, printers in _with_printers(line[0], offset + line.start()):
            for found in in_words(command.words):
                yield command.starts[found.word] + found.start, command.starts[found.word] + found.end
            yield from _handed(command, printers)
            yield from _written(command, printers)
            for word, start in zip(command.words, command.starts, strict=True):
                # `sh -c "…"`, `ssh node1 '…'`, and whatever else has a command line in one word.
                if depth and " " in word:
                    yield from in_commands(*_after_sign(word, start), depth - 1)


def _after_sign(word: str, start: int) -> tuple[str, int]:
    """What is quoted in a word like `--command='mysql -px'`, and where it begins; else the word."""
    sign = word.find("=", 0, word.find(" ")) + 1
    return _bare(word[sign:], start + sign) if word[sign : sign + 1] in ("'", '"') else (word, start)


def _with_printers(line: str, offset: int) -> Iterator[tuple[_Command, Sequence[_Command]]]:
    """Each command of a line, and the commands whose output it reads: `(echo a; echo a) | passwd`."""
    before: list[_Command] = []
    opened: list[int] = []
    group: list[_Command] = []
    printers: Sequence[_Command] = ()
    for command in _commands(line, offset):
        if command.apart in ("|", "|&"):
            printers = group or before[-1:]
        elif command.apart != "(" or (before and before[-1].words):
            printers = ()
        closes = command.apart == ")" or command.words[:1] == ["}"]
        group = before[max(opened.pop(), len(before) - MOST_PRINTED) :] if closes and opened else []
        if command.apart == "(" or command.words[:1] == ["{"]:
            opened.append(len(before))
        yield command, printers
        before.append(command)


def in_words(words: Sequence[str]) -> Iterator[Found]:
    """Where secrets stand in the words of a command, as a list of arguments has them."""
    seen: set[str] = set()
    for place, word in enumerate(words):
        name = word.rpartition("/")[2]
        if name in seen:
            continue  # each program once: a text is read once, whatever it holds
        seen.add(name)
        for takes in _BY_PROGRAM.get(name, ()):
            if not takes.subcommand or takes.subcommand in words[place:]:
                yield from _taken(words, place, takes)
                if takes.programs == "sshpass":
                    return  # what follows is the command that it starts
        if name in _LAST and len(words) > place + 2 and (name != "htpasswd" or _has_flag(words[place:], "b")):
            yield from _whole(words, len(words) - 1)
        if name == "mc" and {"alias", "host"} & {*words[place + 1 : place + 3]} and len(words) > place + 6:
            yield from _whole(words, place + 6)
        if name == "openssl" and words[place + 1 : place + 2] == ["passwd"] and words[-2] not in ("passwd", "-salt"):
            yield from _whole(words, len(words) - 1)
        if name == "sed":
            yield from _substituted(words)
    yield from _set(words)


def _substituted(words: Sequence[str]) -> Iterator[Found]:
    """What `sed` puts behind the name of a secret, or in its place: `s/^password:.*/password: x/`, `s|@TOKEN@|x|`."""
    for at, word in enumerate(words):
        if len(word) < 4 or word[0] != "s" or word[1] not in "/|#@,":
            continue
        _s, old, new = [*word.split(word[1], 3), ""][:3]
        value = re.split(r"[:=\s]", new)[-1].strip("\"'\\")
        stays = new[: new.find(value)]
        # A place to fill in has signs around it: `@TOKEN@`; else the name is there again.
        if _names_secret(old) and (_names_secret(stays) or not (stays or old[0].isalnum() or old[-1].isalnum())):
            start = word.find(value, len(old) + 3)
            if value and not value.startswith("\\") and not is_open_value("", value):
                yield Found(at, start, start + len(value))


def _names_secret(text: str) -> bool:
    names = (name.strip(".-") for name in re.findall(r"[\w.-]+", text))
    return any(is_secret_key(name) and not is_weak_key(name) for name in names)


def _taken(words: Sequence[str], place: int, takes: Takes) -> Iterator[Found]:
    for at in range(place + 1, len(words)):
        word = words[at]
        if words[at - 1] in takes.after and at > place + (takes.programs != "vault"):
            yield from _behind(words, at, 0, takes.mark)
            if takes.programs == "sshpass":
                return
        word, flags = _without_switches(word, takes)
        if flags and word in takes.after and at + 1 < len(words):
            yield from _behind(words, at + 1, 0, takes.mark)
        for option in takes.joined:
            if word.startswith(option) and len(word) > len(option):
                yield from _behind(words, at, len(option) + flags, takes.mark)
                if takes.programs == "sshpass":
                    return


def _without_switches(word: str, takes: Takes) -> tuple[str, int]:
    """`-u` of `-sSLu`, and how many letters are left out before it."""
    if not takes.switches or not word.startswith("-") or word.startswith("--"):
        return word, 0
    rest = word[1:].lstrip(takes.switches)
    return f"-{rest}", len(word) - 1 - len(rest)


def _behind(words: Sequence[str], at: int, start: int, mark: str) -> Iterator[Found]:
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


def _whole(words: Sequence[str], at: int) -> Iterator[Found]:
    return _behind(words, at, 0, "")


def _set(words: Sequence[str]) -> Iterator[Found]:
    """`config set requirepass x`, `configure set aws_secret_access_key x`, `rabbitmqctl change_password me x`."""
    of_people = "rabbitmqctl" in words
    for at in range(2, len(words)):
        # `iscsiadm -n node.session.auth.password -v x`
        if words[at - 1] == "-v" and words[at - 3] == "-n" and is_secret_key(words[at - 2]):
            yield from _whole(words, at)
        if words[at - 2] not in _SETS or not words[at - 1]:
            continue
        named = is_secret_key(words[at - 1]) and not is_weak_key(words[at - 1])
        if named or of_people:
            yield from _whole(words, at)


def _has_flag(words: Sequence[str], letter: str) -> bool:
    return any(word.startswith("-") and not word.startswith("--") and letter in word for word in words)


def _reader(words: Sequence[str]) -> str:
    """The program of a command, or the one that reads a password where `ssh` and the like start it."""
    program = next((word.rpartition("/")[2] for word in words if word not in _BEFORE), "")
    if program in _CARRIERS:
        inside = [part.strip("\"'") for word in words for part in word.split()]
        return next((part for part in inside if part in _READERS), program)
    return program


def _handed(command: _Command, printers: Sequence[_Command]) -> Iterator[Span]:
    """What is printed into a program that reads a password, or given to it after `<<<`."""
    program = _reader(command.words)
    if program not in _READERS and not {*command.words} & {*_READING}:
        return
    mark = ":" if program == "chpasswd" else ""
    if command.here >= 0:
        yield from _spans(command, command.here, mark)
    for printer in printers:
        for at in _printed(printer):
            yield from _spans(printer, at, mark)


def _written(command: _Command, printers: Sequence[_Command]) -> Iterator[Span]:
    """A word that is printed into a file that is named after secrets: `echo x > /root/password.txt`."""
    files = command.words[1:] if command.words[:1] == ["tee"] or command.words[:2] == ["sudo", "tee"] else ()
    if command.here >= 0 and any(map(_is_for_secrets, (*files, *command.files))):
        yield from _spans(command, command.here, "")
    for printer, names in ((command, command.files), *((each, files) for each in printers)):
        if not any(map(_is_for_secrets, names)):
            continue
        for at in _printed(printer):
            if " " not in printer.words[at] and ":" not in printer.words[at]:
                yield from _spans(printer, at, "")


def _is_for_secrets(path: str) -> bool:
    parts = path.rpartition("/")[2].split(".")
    return any(is_secret_key(each) and not is_weak_key(each) and each not in ("passwd", "gpasswd") for each in parts)


def _printed(printer: _Command) -> Iterator[int]:
    """Which words of a command `echo` or the like prints."""
    first = next((at for at, word in enumerate(printer.words) if word not in _BEFORE), 0)
    if printer.words[first : first + 1] and printer.words[first] in _PRINTERS:
        yield from (at for at in range(first + 1, len(printer.words)) if not printer.words[at].startswith("-"))


def _spans(command: _Command, at: int, mark: str) -> Iterator[Span]:
    word, place = command.words[at], 0
    for line in re.split(r"\\n|\n", word):
        start = word.find(line, place)
        place = start + len(line)
        value = line[line.find(mark) + len(mark) :] if mark in line else ""
        if value and not is_open_value("", value):
            yield command.starts[at] + place - len(value), command.starts[at] + place


def from_heredoc(line: str, head: str, body: str) -> Iterator[Span]:
    """Where secrets stand in a here document: `head` is the command that reads it, `line` the whole line."""
    program = _reader([word.strip("\"'") for word in head.split()])
    written = any(map(_is_for_secrets, _WRITTEN.findall(line)))
    if program not in _READERS and not written:
        return
    place = 0
    for each in body.split("\n"):
        value = each.partition(":")[2] if program == "chpasswd" else each.strip()
        end = place + len(each.rstrip())
        # Of a file with names in it, these say what is a secret.
        if value.strip() and not is_open_value("", value.strip()) and not (written and set(value) & set(" :=#")):
            yield end - len(value.rstrip()), end
        place += len(each) + 1


def _commands(line: str, offset: int) -> Iterator[_Command]:
    """The commands of one line, in order."""
    command, here, file = _Command(""), False, False
    for match in _TOKEN.finditer(line):
        if match["apart"]:
            yield command
            command, here, file = _Command(match["apart"]), False, False
        elif match["here"]:
            here = True
        elif match["file"]:
            file = True
        else:
            word, start = _bare(match["word"], match.start() + offset)
            if file:
                command.files.append(word)
                file = False
                continue
            if here:
                command.here, here = len(command.words), False
            command.words.append(word)
            command.starts.append(start)
    yield command


def _bare(word: str, start: int) -> tuple[str, int]:
    """A word without the quotes around it, also when only one of them, or a `\\"`, is in it."""
    if len(word) > 1 and word[0] in "'\"" and word[0] == word[-1]:
        return word[1:-1], start + 1
    for quote in ('\\"', "\\'", '"', "'"):
        if word.count(quote) % 2 and word.endswith(quote):
            word = word[: -len(quote)]
        elif word.startswith(quote) and (word.count(quote) % 2 or quote[0] == "\\"):
            word, start = word[len(quote) :].removesuffix(quote), start + len(quote)
    return word, start
